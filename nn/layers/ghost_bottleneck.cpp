#include "nn/layers/ghost_bottleneck.h"

namespace ghost {

GhostBottleneck::GhostBottleneck(const Options& o) {
  require_at_least("GhostBottleneck", "stride", o.stride, 1);
  require_odd_kernel("GhostBottleneck", "kernel", o.kernel);
  if (!(o.se_ratio >= 0)) fail_usage("GhostBottleneck: se_ratio={}, but must be at least 0", o.se_ratio);
  const auto depthwise = [&o](int64_t channels) {
    return Conv2d::Options{.in = channels,
                           .out = channels,
                           .kernel = o.kernel,
                           .stride = o.stride,
                           .padding = o.kernel / 2,
                           .groups = channels,
                           .bias = false};
  };
  ghost1_ = Child<GhostModule>(this, "ghost1", GhostModule::Options{.in = o.in, .out = o.mid, .cheap_op = o.cheap_op});
  if (o.stride > 1) {
    conv_dw_ = Child<Conv2d>(this, "conv_dw", depthwise(o.mid));
    bn_dw_ = Child<BatchNorm2d>(this, "bn_dw", BatchNorm2d::Options{.channels = o.mid});
  }
  if (o.se_ratio > 0)
    se_ = Child<SqueezeExcite>(
        this, "se",
        SqueezeExcite::Options{.channels = o.mid, .ratio = o.se_ratio, .divisor = o.se_divisor, .gate = o.gate});
  ghost2_ = Child<GhostModule>(this, "ghost2",
                               GhostModule::Options{.in = o.mid, .out = o.out, .cheap_op = o.cheap_op, .relu = false});
  if (o.stride == 1 && o.in == o.out) return;
  shortcut_ = Child<Sequential>(this, "shortcut");
  shortcut_->emplace<Conv2d>(depthwise(o.in));
  shortcut_->emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = o.in});
  shortcut_->emplace<Conv2d>(Conv2d::Options{.in = o.in, .out = o.out, .bias = false});
  shortcut_->emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = o.out});
}

Tensor GhostBottleneck::forward(const Tensor& x) {
  Tensor y = ghost1_(x);
  if (conv_dw_) y = bn_dw_(conv_dw_(y));
  if (se_) y = se_(y);
  return ghost2_(y) + (shortcut_ ? shortcut_(x) : x);
}

}  // namespace ghost
