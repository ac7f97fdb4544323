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
      pointwise_(this, {"pw", "bn"}, {.in = o.in, .out = o.out, .kernel = 1, .activation = o.activation}) {}

}  // namespace ghost
