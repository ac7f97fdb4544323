#include "nn/layers/conv_bn_act.h"

namespace ghost {

Size2 padding_of(const ConvBlock& b) {
  return b.padding.value_or(Size2(b.dilation.h * (b.kernel.h / 2), b.dilation.w * (b.kernel.w / 2)));
}

ConvBnAct::ConvBnAct(const ConvBlock& b, const PartNames& names) : activation_(b.activation) {
  conv_ = make_child<Conv2d>(names.conv, Conv2d::Options{.in = b.in,
                                                         .out = b.out,
                                                         .kernel = b.kernel,
                                                         .stride = b.stride,
                                                         .padding = padding_of(b),
                                                         .dilation = b.dilation,
                                                         .groups = b.groups,
                                                         .bias = b.bias});
  register_child(names.conv, conv_);
  norm_ = make_child<BatchNorm2d>(
      names.norm, BatchNorm2d::Options{.channels = b.out, .eps = b.norm_eps, .momentum = b.norm_momentum});
  register_child(names.norm, norm_);
  if (activation_ == Activation::none || names.activation.empty()) return;
  act_ = make_child<ActivationLayer>(names.activation, activation_);
  register_child(names.activation, act_);
}

Tensor ConvBnAct::forward(const Tensor& x) {
  const Tensor y = (*norm_)((*conv_)(x));
  return act_ ? (*act_)(y) : activate(y, activation_);
}

}  // namespace ghost
