#pragma once
#include "nn/layers/conv_unit.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"

namespace ghost {

struct ModelConfig;

// ShuffleNetV2 (Ma et al., arXiv 1807.11164, table 5 and figure 3): half of the channels pass a block as they are, the
// other half goes through a 1×1, a depthwise 3×3 and a 1×1 convolution; then the halves are shuffled. Blocks of stride
// 2 have a depthwise and a 1×1 convolution on the other side. x (N, H, W, in_channels) → logits (N, num_classes). Names
// are torchvision's: conv1.{0,1}, stage<i>.<j>.{branch1,branch2}.…, conv5.{0,1}, fc. The choice of convolution concerns
// conv1, conv5 and the 1×1 ones.
class ShuffleNetV2 final : public Module {
 public:
  struct Options {
    int64_t in_channels = 3, num_classes = 1000;
    double width = 1;         // 0.5, 1, 1.5 or 2, whose channels the paper gives
    int64_t stem_stride = 2;  // 1: for small images, and without the max-pooling after the stem
    ConvChoice conv = ConvChoice();
  };
  explicit ShuffleNetV2(const Options& options);  // throws UsageError on another width, naming the nearest
  const char* kind() const override { return "ShuffleNetV2"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit conv1_;
  Child<MaxPool2d> maxpool_;
  Child<Sequential> stage2_, stage3_, stage4_;
  ConvUnit conv5_;
  Child<GlobalAvgPool> pool_;
  Child<Linear> fc_;
};

ModulePtr build_shufflenet_v2(const ModelConfig& config);

}  // namespace ghost
