#pragma once
#include "nn/layers/conv_unit.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/sequential.h"

namespace ghost {

// The baseline: stages of two 3×3 convolutions with batch norm and activation, 2×2 max-pooling between the stages (a
// short VGG, Simonyan and Zisserman, arXiv 1409.1556), global average pool, fully connected. Every convolution is what
// `conv` says. x (N, H, W, in_channels), H and W at least 2^(stages − 1) → logits (N, num_classes). Names
// stages.<stage>.{0, 1}.…, fc.
class PlainCnn final : public Module {
 public:
  struct Options {
    int64_t in_channels = 3, num_classes = 10;
    std::vector<int64_t> channels{32, 64, 128};  // of each stage
    ConvChoice conv = ConvChoice();
    Activation activation = Activation::relu;
  };
  explicit PlainCnn(const Options& options);
  const char* kind() const override { return "PlainCnn"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Child<Sequential> stages_;
  Child<GlobalAvgPool> pool_;
  Child<Linear> fc_;
};

}  // namespace ghost
