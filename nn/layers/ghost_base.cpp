#include "nn/layers/ghost_base.h"

#include "core/ops/shape_ops.h"

namespace ghost {

GhostBase::GhostBase(const Plan& p, const char* cheap_name)
    : plan_(p),
      primary_conv_(this, "primary_conv",
                    ConvBlock{.in = p.in,
                              .out = p.intrinsic,
                              .kernel = p.kernel,
                              .stride = p.stride,
                              .padding = p.padding,
                              .dilation = p.dilation,
                              .activation = p.activation}) {
  if (p.ghosts == 0) return;
  cheap_ = Child<Sequential>(this, cheap_name);
  cheap_->add_made(
      [&] { return make_cheap_op(p.cheap_op, {.in = p.intrinsic, .out = p.ghosts, .kernel = p.cheap_kernel}); });
  cheap_->emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = p.ghosts});
  if (p.activation != Activation::none) cheap_->emplace<ActivationLayer>(p.activation);
}

Tensor GhostBase::forward(const Tensor& x) {
  const Tensor intrinsic = primary_conv_(x);
  if (!cheap_) return intrinsic;
  const Tensor all = cat({intrinsic, cheap_(intrinsic)});
  return all.size(-1) == plan_.out ? all : slice_channels(all, 0, plan_.out);
}

}  // namespace ghost
