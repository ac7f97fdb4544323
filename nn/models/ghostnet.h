// GhostNet (Han et al., "GhostNet: More Features from Cheap Operations", arXiv 1911.11907, table 1).
#pragma once
#include "nn/layers/ghost_bottleneck.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/layers/pool.h"

namespace ghost {

// The published sources agree on table 1 and differ in three details of the block and the head:
//   official    the authors' PyTorch code: squeeze-excite with hard-sigmoid gate and inner channels rounded to a
//   multiple
//               of 4, head convolution with bias
//   tensorflow  the authors' TensorFlow code: gate clipped to [0, 1], inner channels ⌊c/4⌋, head convolution with batch
//               norm instead of bias (bn_head). Its "SAME" padding is the ordinary symmetric one here, and its widths
//               below 1 are rounded by the rule of the others.
//   d_li14      github.com/d-li14/ghostnet.pytorch: as tensorflow, but the shortcut's depthwise convolution is 3×3 and
//               followed by ReLU; under its own parameter names (features.1.conv.0.primary_conv.0.weight, …)
// All: x (N, H, W, in_channels), H and W any → logits (N, num_classes).
struct GhostNetOptions {
  int64_t in_channels = 3, num_classes = 1000;
  double width = 1.0;                  // of all channels but the head's 1280; make_divisible(c·width, 4)
  double dropout = 0.2;                // before the classifier
  std::string cheap_op = "depthwise";  // of every ghost module, with cheap_kernel 3; of cheap_op_table()
  int64_t stem_stride = 2;             // 1: for images of 32×32
  double drop_path = 0;                // of the last block, rising from 0 in the first (nn/layers/drop_path.h)
};

// Variants official and tensorflow, under the names of the official PyTorch code.
class GhostNet final : public Module {
 public:
  enum class Variant { official, tensorflow };
  GhostNet(const GhostNetOptions& options, Variant variant);
  const char* kind() const override { return "GhostNet"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit stem_;
  Child<Sequential> blocks_;
  Child<GlobalAvgPool> global_pool_;
  Child<Conv2d> conv_head_;
  Child<BatchNorm2d> bn_head_;  // tensorflow
  Child<ActivationLayer> act2_;
  Child<Dropout> dropout_;
  Child<Linear> classifier_;
};

// Variant d_li14.
class GhostNetDLi14 final : public Module {
 public:
  explicit GhostNetDLi14(const GhostNetOptions& options);
  const char* kind() const override { return "GhostNetDLi14"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Child<Sequential> features_, squeeze_, classifier_;
};

// One row of table 1; a stage ends where the resolution is halved next.
struct GhostNetRow {
  int64_t kernel, expansion, out;
  bool squeeze_excite;
  int64_t stride;
  bool ends_stage;  // as the official code groups the rows into blocks.0 … blocks.8
};
const std::vector<GhostNetRow>& ghostnet_table();
// make_divisible(channels·width, 4); throws UsageError unless width is positive and sensible.
int64_t scaled_channels(int64_t channels, double width);

}  // namespace ghost
