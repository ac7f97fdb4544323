#pragma once
#include "nn/layers/conv_unit.h"

namespace ghost {

// Depthwise, then pointwise convolution, batch norm and activation at the end only (after Howard et al., arXiv
// 1704.04861). x (N, H, W, in) → y (N, H', W', out). Names dw, pw, bn.
class DepthwiseSeparableConv final : public Module {
 public:
  struct Options {
    int64_t in = 0, out = 0;
    Size2 kernel = 3, stride = 1, padding = 1, dilation = 1;
    Activation activation = Activation::relu;
  };
  explicit DepthwiseSeparableConv(const Options& options);
  const char* kind() const override { return "DepthwiseSeparableConv"; }

 protected:
  Tensor forward(const Tensor& x) override { return pointwise_(dw_(x)); }

 private:
  Child<Conv2d> dw_;
  ConvUnit pointwise_;
};

}  // namespace ghost
