#include "nn/layers/conv_bn.h"

#include "nn/layers/activation.h"

namespace ghost {

ConvBn::ConvBn(Conv2d::Options conv, bool with_relu, bool bias) {
  conv.bias = bias;
  conv_ = &emplace<Conv2d>(conv);
  emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = conv.out});
  if (with_relu) emplace<ReLU>();
}

ConvBnAct::ConvBnAct(const Options& o)
    : conv_(this, "conv",
            Conv2d::Options{.in = o.in,
                            .out = o.out,
                            .kernel = o.kernel,
                            .stride = o.stride,
                            .padding = o.kernel / 2,
                            .bias = false}),
      bn1_(this, "bn1", BatchNorm2d::Options{.channels = o.out}) {}

}  // namespace ghost
