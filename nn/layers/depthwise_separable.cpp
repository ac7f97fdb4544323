#include "nn/layers/depthwise_separable.h"

namespace ghost {

DepthwiseSeparableConv::DepthwiseSeparableConv(const Options& o)
    : dw_(this, "dw",
          Conv2d::Options{.in = o.in,
                          .out = o.in,
                          .kernel = o.kernel,
                          .stride = o.stride,
                          .padding = o.padding,
                          .dilation = o.dilation,
                          .groups = o.in,
                          .bias = false}),
      pw_(this, "pw", Conv2d::Options{.in = o.in, .out = o.out, .bias = false}),
      bn_(this, "bn", BatchNorm2d::Options{.channels = o.out}),
      relu_(o.relu) {}

}  // namespace ghost
