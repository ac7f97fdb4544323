#pragma once
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"

namespace ghost {

// Depthwise, then pointwise convolution, batch norm and ReLU at the end only (after Howard et al., arXiv 1704.04861).
// x (N, H, W, in) → y (N, H', W', out). Names dw, pw, bn.
class DepthwiseSeparableConv final : public Module {
 public:
  struct Options {
    int64_t in = 0, out = 0;
    Size2 kernel = 3, stride = 1, padding = 1, dilation = 1;
    bool relu = true;
  };
  explicit DepthwiseSeparableConv(const Options& options);
  const char* kind() const override { return "DepthwiseSeparableConv"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor y = bn_(pw_(dw_(x)));
    return relu_ ? relu(y) : y;
  }

 private:
  Child<Conv2d> dw_, pw_;
  Child<BatchNorm2d> bn_;
  bool relu_;
};

}  // namespace ghost
