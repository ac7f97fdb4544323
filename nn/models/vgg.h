#pragma once
#include "nn/layers/conv_unit.h"
#include "nn/layers/pool.h"
#include "nn/sequential.h"

namespace ghost {

// VGG with batch norm (Simonyan and Zisserman, arXiv 1409.1556, table 1: A, B, D, E are 11, 13, 16, 19): 3×3
// convolutions and 2×2 max-pooling. x (N, H, W, in_channels) → logits (N, num_classes). Names are torchvision's:
// features.<i>, classifier.<i>; if `conv` is not an ordinary convolution, the places of batch norm and ReLU are empty.
//   cifar     convolutions without bias; fully connected 512 → 512 → classes (the network of GhostNet's table 3);
//             H and W at least 32, the maps that are left are averaged to one
//   imagenet  convolutions with bias; average pool to 7×7, fully connected 4096 → 4096 → classes with dropout
class Vgg final : public Module {
 public:
  enum class Layout { cifar, imagenet };
  struct Options {
    int64_t in_channels = 3, num_classes = 10;
    int64_t depth = 16;  // 11, 13, 16, 19
    Layout layout = Layout::cifar;
    double dropout = 0.5;            // imagenet
    ConvChoice conv = ConvChoice();  // of every convolution
  };
  explicit Vgg(const Options& options);  // throws UsageError on another depth
  const char* kind() const override { return "Vgg"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Child<Sequential> features_;
  Child<AdaptiveAvgPool2d> pool_;
  Child<Sequential> classifier_;
};

}  // namespace ghost
