// A convolution, batch norm and, by option, ReLU: the two ways in which published models name them.
#pragma once
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"
#include "nn/sequential.h"

namespace ghost {

// Places 0 (conv), 1 (batch norm), 2 (ReLU, or empty).
class ConvBn final : public Sequential {
 public:
  // Without a bias, whatever conv.bias says: the batch norm would take it away again. `bias` is for exchange with
  // models that have one all the same.
  explicit ConvBn(Conv2d::Options conv, bool relu = true, bool bias = false);
  const char* kind() const override { return "ConvBn"; }
  const Conv2d& conv() const { return *conv_; }

 private:
  const Conv2d* conv_;
};

// x (N, H, W, in) → y (N, H', W', out); padding kernel/2. Names conv, bn1 (timm's ConvBnAct).
class ConvBnAct final : public Module {
 public:
  struct Options {
    int64_t in = 0, out = 0, kernel = 1, stride = 1;
  };
  explicit ConvBnAct(const Options& options);
  const char* kind() const override { return "ConvBnAct"; }

 protected:
  Tensor forward(const Tensor& x) override { return relu(bn1_(conv_(x))); }

 private:
  Child<Conv2d> conv_;
  Child<BatchNorm2d> bn1_;
};

}  // namespace ghost
