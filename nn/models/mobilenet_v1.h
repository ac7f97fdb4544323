#pragma once
#include "nn/layers/conv_unit.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/sequential.h"

namespace ghost {

// MobileNet (Howard et al., arXiv 1704.04861, table 1): thirteen pairs of a 3×3 depthwise and a 1×1 convolution, each
// with batch norm and activation. x (N, H, W, in_channels) → logits (N, num_classes). Names conv_stem, bn1,
// blocks.<i>.{conv_dw, bn1, conv_pw, bn2}, classifier; timm's have a stage for each size of maps, blocks.<stage>.<i>.
// The choice of convolution concerns the stem and the 1×1 ones.
class MobileNetV1 final : public Module {
 public:
  struct Options {
    int64_t in_channels = 3, num_classes = 10;
    double width = 1;         // of all channels, rounded to multiples of 8
    int64_t stem_stride = 2;  // 1 for small images
    bool timm_names = false;
    ConvChoice conv = ConvChoice();
    Activation activation = Activation::relu;
  };
  explicit MobileNetV1(const Options& options);
  const char* kind() const override { return "MobileNetV1"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit stem_;
  Child<Sequential> blocks_;
  Child<GlobalAvgPool> pool_;
  Child<Linear> classifier_;
};

}  // namespace ghost
