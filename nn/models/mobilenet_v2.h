#pragma once
#include "nn/layers/conv_unit.h"
#include "nn/layers/drop_path.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/layers/pool.h"

namespace ghost {

struct ModelConfig;

// MobileNetV2 (Sandler et al., arXiv 1801.04381, table 2): inverted residuals, which are a 1×1 convolution to more
// channels, a depthwise 3×3 one (each with batch norm and ReLU6) and a 1×1 convolution (batch norm), plus the input if
// the sizes agree. x (N, H, W, in_channels) → logits (N, num_classes). Names are torchvision's: features.0.{0,1},
// features.<i>.conv.…, features.18.{0,1}, classifier.1. The choice of convolution concerns the stem and the 1×1 ones.
class MobileNetV2 final : public Module {
 public:
  struct Options {
    int64_t in_channels = 3, num_classes = 1000;
    double width = 1;         // of all channels, rounded to multiples of 8; below 1 the last 1280 stay
    double dropout = 0.2;     // before the classifier
    double drop_path = 0;     // of the last block that adds its input, rising from 0 in the first of them
    int64_t stem_stride = 2;  // 1: for small images; the first block of 24 channels then has stride 1 as well
    ConvChoice conv = ConvChoice();
  };
  explicit MobileNetV2(const Options& options);
  const char* kind() const override { return "MobileNetV2"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Child<Sequential> features_;
  Child<GlobalAvgPool> pool_;
  Child<Sequential> classifier_;
};

ModulePtr build_mobilenet_v2(const ModelConfig& config);

}  // namespace ghost
