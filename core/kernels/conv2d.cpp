#include "core/kernels/conv2d.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/kernels/conv2d_gemm.h"
#include "core/kernels/conv2d_paired.h"
#include "core/kernels/conv2d_reference.h"
#include "core/kernels/conv2d_rows.h"
#include "core/kernels/conv2d_winograd.h"
#include "core/kernels/kernel_choice.h"
#include "core/numerics.h"

namespace ghost {
namespace {

struct Implementation {
  StatisticsPtr (*forward)(const Conv2dShape&, const BodyPtr&, const Array&, const Array&, const Array&, bool);
  EpilogueResult (*backward)(const Conv2dShape&, const BodyPtr&, const Array&, const Gradient&, const Conv2dSinks&);
};

// A kernel of f32 for values that are stored as bf16: they are widened before it, and its results rounded after it.
template <auto Forward>
StatisticsPtr widened_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                              const Array& z, bool) {
  const Array result = Array::empty(z.shape, DType::f32);
  Forward(s, make_body(converted(values(x), DType::f32)), weight, bias, result, false);
  copy(result, z);
  return nullptr;
}
template <auto Backward>
EpilogueResult widened_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                const Conv2dSinks& sinks) {
  const BodyPtr wide = x ? make_body(converted(values(x), DType::f32)) : nullptr;
  const Gradient gradient{.g = converted(materialise(gz).g, DType::f32)};
  GradSink::Slot to_x;
  Conv2dSinks to = sinks;
  if (sinks.x) {
    to_x.to = Array::empty(sinks.x->to.shape, DType::f32), to_x.accumulate = sinks.x->accumulate;
    if (to_x.accumulate) copy(sinks.x->to, to_x.to);
    to.x = &to_x;
  }
  Backward(s, wide, weight, gradient, to);
  if (sinks.x) copy(to_x.to, sinks.x->to);
  return {};
}

struct Kernel {
  const char* name;
  bool (*accepts)(const Conv2dShape&);  // unforced
  bool (*able)(const Conv2dShape&);     // null: every case
  bool exact;                           // sums of products; see core/numerics.h
  bool flexible;                        // about the gradient of x, unless a part of it could cut a group
  Implementation f32, f64, bf16;

  const Implementation& of(DType t) const {
    if (t == DType::f32) return f32;
    if (t == DType::f64) return f64;
    if (t == DType::bf16) return bf16;
    fail("conv2d: works on f32, f64 and bf16 tensors, but got {}", name_of(t));
  }
};

// The first one that accepts a case runs it.
constexpr std::array kKernels{
    Kernel{.name = "paired",
           .accepts = conv2d_paired_wins,
           .able = conv2d_paired_able,
           .exact = true,
           .flexible = true,
           .f32 = {},
           .f64 = {},
           .bf16 = {conv2d_paired_forward, conv2d_paired_backward}},
    Kernel{.name = "winograd",
           .accepts = conv2d_winograd_wins,
           .able = conv2d_winograd_able,
           .exact = false,
           .flexible = true,
           .f32 = {conv2d_winograd_forward<float>, conv2d_winograd_backward<float>},
           .f64 = {conv2d_winograd_forward<double>, conv2d_winograd_backward<double>},
           .bf16 = {conv2d_winograd_forward<ghost::bf16>, conv2d_winograd_backward<ghost::bf16>}},
    Kernel{.name = "gemm",
           .accepts = conv2d_gemm_wins,
           .able = nullptr,
           .exact = true,
           .flexible = false,
           .f32 = {conv2d_gemm_forward<float>, conv2d_gemm_backward<float>},
           .f64 = {conv2d_gemm_forward<double>, conv2d_gemm_backward<double>},
           .bf16 = {widened_forward<conv2d_gemm_forward<float>>, widened_backward<conv2d_gemm_backward<float>>}},
    Kernel{.name = "rows",
           .accepts = [](const Conv2dShape&) { return true; },
           .able = nullptr,
           .exact = true,
           .flexible = true,
           .f32 = {conv2d_rows_forward<float>, conv2d_rows_backward<float>},
           .f64 = {conv2d_rows_forward<double>, conv2d_rows_backward<double>},
           .bf16 = {conv2d_rows_forward<ghost::bf16>, conv2d_rows_backward<ghost::bf16>}},
    Kernel{
        .name = "reference",
        .accepts = [](const Conv2dShape&) { return true; },
        .able = nullptr,
        .exact = true,
        .flexible = false,
        .f32 = {conv2d_reference_forward<float>, conv2d_reference_backward<float>},
        .f64 = {conv2d_reference_forward<double>, conv2d_reference_backward<double>},
        .bf16 = {widened_forward<conv2d_reference_forward<float>>, widened_backward<conv2d_reference_backward<float>>}},
};

struct Settings {
  KernelChoice choice;
  Conv2dObserver observer;
};
Settings& settings() {
  static Settings s{[] {
                      std::vector<std::string> names;
                      names.reserve(kKernels.size());
                      for (const Kernel& k : kKernels) names.emplace_back(k.name);
                      return KernelChoice("conv2d", std::move(names));
                    }(),
                    {}};
  return s;
}

const Kernel& kernel_of(const Conv2dShape& s) {
  if (const int forced = settings().choice.forced(); forced >= 0) {
    const Kernel& wish = kKernels[static_cast<size_t>(forced)];
    if (!wish.able || wish.able(s)) return wish;
  }
  const bool exact = numerics() == Numerics::exact;
  return *std::find_if(kKernels.begin(), kKernels.end(),
                       [&](const Kernel& k) { return (k.exact || !exact) && k.accepts(s); });
}

const Kernel& choose(const Conv2dShape& s, const char* direction) {
  const Kernel& kernel = kernel_of(s);
  if (settings().observer) settings().observer(s, direction, kernel.name);
  return kernel;
}

}  // namespace

std::string Conv2dShape::str() const {
  return fmt::format("({}, {}, {}, {}) * ({}, {}, {}, {}) groups {} stride {}x{} padding {}x{} dilation {}x{}", n, h, w,
                     ci, co, kh, kw, cig(), groups, sh, sw, ph, pw, dh, dw);
}

StatisticsPtr conv2d_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                             const Array& z, bool statistics) {
  return choose(s, "forward").of(z.dtype).forward(s, x, weight, bias, z, statistics);
}

bool conv2d_flexible(const Conv2dShape& s) {
  return kernel_of(s).flexible && (s.groups == 1 || (s.depthwise() && s.cog() == 1));
}

EpilogueResult conv2d_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                               const Conv2dSinks& sinks) {
  return choose(s, "backward").of(gz.g.dtype).backward(s, x, weight, gz, sinks);
}

std::vector<std::string> conv2d_kernels() { return settings().choice.names(); }

void force_conv2d_kernel(const std::string& name) { settings().choice.force(name, "force_conv2d_kernel"); }

void set_conv2d_observer(Conv2dObserver observer) { settings().observer = std::move(observer); }

}  // namespace ghost
