#include "nn/layers/ghost_bottleneck.h"

#include "core/ops/arithmetic.h"

namespace ghost {

GhostBottleneck::GhostBottleneck(const Options& o) {
  require_at_least("GhostBottleneck", "stride", o.stride, 1);
  require_odd_kernel("GhostBottleneck", "kernel", o.kernel);
  if (!(o.se_ratio >= 0)) fail_usage("GhostBottleneck: se_ratio={}, but must be at least 0", o.se_ratio);
  const auto depthwise = [&o](int64_t channels) {
    return ConvBlock{.in = channels,
                     .out = channels,
                     .kernel = o.kernel,
                     .stride = o.stride,
                     .groups = channels,
                     .activation = Activation::none};
  };
  const auto ghost = [&](const char* name, const MakeGhost& make, int64_t in, int64_t out, Activation activation) {
    ModulePtr module;
    at_path(join_path(PathScope::current(), name), [&] {
      module = make ? make(in, out, activation)
                    : std::make_shared<GhostModule>(
                          GhostModule::Options{.in = in, .out = out, .cheap_op = o.cheap_op, .activation = activation});
    });
    register_child(name, module);
    return module;
  };
  ghost1_ = ghost("ghost1", o.ghost1, o.in, o.mid, Activation::relu);
  if (o.stride > 1) conv_dw_ = ConvUnit(this, {"conv_dw", "bn_dw"}, depthwise(o.mid));
  if (o.se_ratio > 0)
    se_ = Child<SqueezeExcite>(
        this, "se",
        SqueezeExcite::Options{.channels = o.mid, .ratio = o.se_ratio, .divisor = o.se_divisor, .gate = o.gate});
  ghost2_ = ghost("ghost2", o.ghost2, o.mid, o.out, Activation::none);
  drop_path_ = drop_path_child(this, o.drop_path);
  if (o.stride == 1 && o.in == o.out) return;
  shortcut_ = Child<Sequential>(this, "shortcut");
  add_conv_places(*shortcut_, depthwise(o.in));
  add_conv_places(*shortcut_, {.in = o.in, .out = o.out, .kernel = 1, .activation = Activation::none});
}

Tensor GhostBottleneck::forward(const Tensor& x) {
  Tensor y = (*ghost1_)(x);
  if (conv_dw_) y = conv_dw_(y);
  if (se_) y = se_(y);
  y = (*ghost2_)(y);
  if (drop_path_) y = drop_path_(y);
  return y + (shortcut_ ? shortcut_(x) : x);
}

}  // namespace ghost
