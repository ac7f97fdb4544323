#include "nn/models/airbench.h"

#include <array>
#include <cmath>

#include "core/ops/arithmetic.h"
#include "core/ops/pool.h"
#include "core/ops/shape_ops.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"

namespace ghost {
namespace {

// Convolution, 2×2 max-pooling, batch norm, activation; convolution, batch norm, activation.
class ConvGroup final : public Module {
 public:
  ConvGroup(int64_t in, int64_t out, Activation activation)
      : conv1_(this, "conv1", conv(in, out)),
        norm1_(this, "norm1", norm(out)),
        conv2_(this, "conv2", conv(out, out)),
        norm2_(this, "norm2", norm(out)),
        activation_(activation) {
    for (const Child<BatchNorm2d>* one : {&norm1_, &norm2_})
      for (Parameter& p : (*one)->own_parameters())
        if (p.name == "weight") p.tensor.set_requires_grad(false);
  }
  const char* kind() const override { return "ConvGroup"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor half = activate(norm1_(max_pool2d(conv1_(x), {.kernel = Size2(2), .stride = Size2(2)})), activation_);
    return activate(norm2_(conv2_(half)), activation_);
  }

 private:
  // The first filters pass their channel on at the start.
  static Conv2d::Options conv(int64_t in, int64_t out) {
    return {.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false, .dirac = true};
  }
  static BatchNorm2d::Options norm(int64_t channels) { return {.channels = channels, .eps = 1e-12, .momentum = 0.4}; }

  Child<Conv2d> conv1_;
  Child<BatchNorm2d> norm1_;
  Child<Conv2d> conv2_;
  Child<BatchNorm2d> norm2_;
  Activation activation_;
};

}  // namespace

Airbench::Airbench(const Options& o)
    : whiten_(this, "0", WhiteningConv::Options{.in = o.in_channels}), activation_(o.activation) {
  constexpr std::array<int64_t, 3> kChannels{64, 256, 256};
  int64_t in = WhiteningConv::Options{.in = o.in_channels}.out();
  for (size_t i = 0; i < kChannels.size(); i++) {
    const int64_t out = std::llround(static_cast<double>(kChannels[i]) * o.width);
    if (out < 1) fail_usage("Airbench: width={} leaves no channels of {}", o.width, kChannels[i]);
    const std::string name = std::to_string(2 + i);
    groups_.push_back(make_child<ConvGroup>(name, in, out, o.activation));
    register_child(name, groups_.back());
    in = out;
  }
  head_ = Child<Linear>(this, "7", Linear::Options{.in = in, .out = o.num_classes, .bias = false});
}

Tensor Airbench::forward(const Tensor& x) {
  constexpr double kScale = 1.0 / 9;
  Tensor y = activate(whiten_(x), activation_);
  for (const ModulePtr& group : groups_) y = (*group)(y);
  y = max_pool2d(y, {.kernel = Size2(y.size(1), y.size(2)), .stride = Size2(1)});
  return head_(flatten(y)) * Tensor::scalar(kScale, y.dtype());
}

}  // namespace ghost
