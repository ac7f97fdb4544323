#pragma once
#include "nn/layers/activation.h"
#include "nn/layers/linear.h"
#include "nn/layers/whitening_conv.h"
#include "nn/sequential.h"

namespace ghost {

// The network of airbench94 (Jordan, arXiv 2404.00498), made to learn CIFAR-10 in few epochs: a whitening convolution,
// three groups of two 3×3 convolutions with max-pooling and batch norm, whose scales stay 1, and a linear layer on the
// largest value of each map, scaled down. x (N, H, W, in_channels), H and W at least 9 → logits (N, num_classes). Names
// are airbench's: 0, 2.conv1, 2.norm1, 2.conv2, 2.norm2, 3.…, 4.…, 7.
class Airbench final : public Module {
 public:
  struct Options {
    int64_t in_channels = 3, num_classes = 10;
    double width = 1;  // multiplies 64, 256 and 256 channels
    Activation activation = Activation::relu;
  };
  explicit Airbench(const Options& options);
  const char* kind() const override { return "Airbench"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Child<WhiteningConv> whiten_;
  Activation activation_;
  std::vector<ModulePtr> groups_;
  Child<Linear> head_;
};

}  // namespace ghost
