// Convolution kernels behind one door. An ordered table of implementations ends in the reference; the first one that
// accepts a case runs it, of those that the numerics allow (core/numerics.h).
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/autograd.h"

namespace ghost {

// Sizes of one convolution, checked by the caller: x (n, h, w, ci), w (co, kh, kw, ci/groups) → z (n, oh, ow, co).
struct Conv2dShape {
  int64_t n, h, w, ci, co;
  int64_t kh, kw;
  int64_t sh = 1, sw = 1, ph = 0, pw = 0, dh = 1, dw = 1, groups = 1;
  int64_t oh, ow;
  bool stored_as_bf16 = false;  // x and z; else they are f32 or f64

  int64_t cig() const { return ci / groups; }
  int64_t cog() const { return co / groups; }
  int64_t taps() const { return kh * kw; }
  int64_t weights() const { return co * taps() * cig(); }
  // Every input channel makes cog() output channels of its own. A few channels that make many are better served as
  // groups of one.
  bool depthwise() const { return groups == ci && (co == ci || ci >= 4); }
  // Every output pixel is a function of one input pixel in the same place.
  bool pointwise() const { return kh == 1 && kw == 1 && sh == 1 && sw == 1 && ph == 0 && pw == 0; }
  std::string str() const;  // "(128, 32, 32, 16) * (16, 3, 3, 1) groups 16 stride 1x1 padding 1x1"
};

// z = conv(transform(x)) + bias, x and z of one dtype, weight and bias of its compute type. Returns the statistics of z
// if wanted and the kernel takes them in passing; else null. weight packed (co, kh, kw, ci/groups), bias (co) packed or
// undefined; z may be a channel slice.
StatisticsPtr conv2d_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                             const Array& z, bool statistics);

// Whether the kernel that runs this case is flexible in the sense of GradSink::open().
bool conv2d_flexible(const Conv2dShape& s);

struct Conv2dSinks {  // null: not wanted
  const GradSink::Slot *x = nullptr, *weight = nullptr, *bias = nullptr;
};
// Gradients of x, weight and bias from that of z, into their slots. Returns what sinks.x->epilogue asks for, if the
// kernel does it in passing. x is read only for the weight's gradient, and may be null where that is not wanted; the
// weight is read only for the gradient of x, and may be undefined where that is not wanted.
EpilogueResult conv2d_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                               const Conv2dSinks& sinks);

// ---- choosing and watching, for tests, benchmarks and logs

// Names in the order of the table; the last is "reference". GHOST_CONV2D=<name> at start does the same as
// force_conv2d_kernel(name).
std::vector<std::string> conv2d_kernels();
// This kernel runs every case it is able to, whatever the numerics; "": the first that accepts. Throws UsageError on an
// unknown name.
void force_conv2d_kernel(const std::string& name);
// Called with each case before it runs: the sizes, "forward" or "backward", and the kernel. Empty: no observer. Not
// while convolutions run.
using Conv2dObserver = std::function<void(const Conv2dShape&, const char* direction, const char* kernel)>;
void set_conv2d_observer(Conv2dObserver observer);

}  // namespace ghost
