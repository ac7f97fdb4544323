#pragma once
#include "nn/layers/conv_unit.h"
#include "nn/layers/drop_path.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/layers/pool.h"

namespace ghost {

struct ModelConfig;

// MobileNetV3 (Howard et al., arXiv 1905.02244, tables 1 and 2): inverted residuals with squeeze-excite and, in the
// later ones, hard-swish. x (N, H, W, in_channels) → logits (N, num_classes). Batch norm has eps 1e-3 and momentum
// 0.01. Names are torchvision's: features.<i>.{0,1}, features.<i>.block.<j>.…, classifier.{0,3}. The choice of
// convolution concerns the stem and the 1×1 ones.
class MobileNetV3 final : public Module {
 public:
  enum class Variant { large, small };
  struct Options {
    int64_t in_channels = 3, num_classes = 1000;
    Variant variant = Variant::large;
    double width = 1;         // of all channels, rounded to multiples of 8
    double dropout = 0.2;     // before the last layer
    double drop_path = 0;     // of the last block that adds its input, rising from 0 in the first of them
    int64_t stem_stride = 2;  // 1 for small images
    ConvChoice conv = ConvChoice();
  };
  explicit MobileNetV3(const Options& options);
  const char* kind() const override { return "MobileNetV3"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Child<Sequential> features_;
  Child<GlobalAvgPool> pool_;
  Child<Sequential> classifier_;
};

ModulePtr build_mobilenet_v3(const ModelConfig& config);

}  // namespace ghost
