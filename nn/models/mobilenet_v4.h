#pragma once
#include "nn/layers/conv_unit.h"
#include "nn/layers/drop_path.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/layers/pool.h"

namespace ghost {

struct ModelConfig;

// The universal inverted bottleneck of MobileNetV4 (Qin et al., arXiv 2404.10518, section 3): depthwise (batch norm) →
// 1×1 to `mid` (batch norm, ReLU) → depthwise (batch norm, ReLU) → 1×1 (batch norm), plus x if the sizes agree. Either
// depthwise convolution may be missing. x (N, H, W, in) → y (N, ⌈H/stride⌉, ⌈W/stride⌉, out). Names dw_start, pw_exp,
// dw_mid, pw_proj, each with conv and bn.
class UniversalBottleneck final : public Module {
 public:
  struct Options {
    int64_t in = 0, mid = 0, out = 0;
    int64_t start_kernel = 0, mid_kernel = 3;  // odd; 0: without
    int64_t stride = 1;                        // of the middle depthwise convolution, or else of the first
    double drop_path = 0;                      // where x is added
    ConvChoice conv = ConvChoice();            // of the 1×1 convolutions
  };
  explicit UniversalBottleneck(const Options& options);
  const char* kind() const override { return "UniversalBottleneck"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit dw_start_, pw_exp_, dw_mid_, pw_proj_;
  Child<DropPath> drop_path_;
  bool adds_input_;
};

// MobileNetV4-Conv (Qin et al., arXiv 2404.10518, tables 11 and 12), as timm has it: ordinary convolutions first, then
// universal bottlenecks, a 1×1 convolution to 960 channels, the mean over each map, and a head of 1280.
// x (N, H, W, in_channels) → logits (N, num_classes). Names are timm's: conv_stem, bn1, blocks.<stage>.<i>, conv_head,
// norm_head, classifier. The choice of convolution concerns all that are not depthwise.
class MobileNetV4 final : public Module {
 public:
  enum class Variant { conv_small, conv_medium };
  struct Options {
    int64_t in_channels = 3, num_classes = 1000;
    Variant variant = Variant::conv_small;
    double width = 1;         // of all channels but the head's, rounded to multiples of 8; below 1 the stem stays 32
    double dropout = 0.2;     // before the classifier
    double drop_path = 0;     // of the last block that adds its input, rising from 0 in the first of them
    int64_t stem_stride = 2;  // 1 for small images
    ConvChoice conv = ConvChoice();
  };
  explicit MobileNetV4(const Options& options);
  const char* kind() const override { return "MobileNetV4"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit stem_;
  Child<Sequential> blocks_;
  Child<GlobalAvgPool> global_pool_;
  ConvUnit head_;
  Child<Dropout> dropout_;
  Child<Linear> classifier_;
};

ModulePtr build_mobilenet_v4(const ModelConfig& config);

}  // namespace ghost
