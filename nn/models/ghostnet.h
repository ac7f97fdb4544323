// GhostNet (Han et al., "GhostNet: More Features from Cheap Operations", arXiv 1911.11907, table 1).
#pragma once
#include "nn/layers/ghost_bottleneck.h"
#include "nn/models/ghost_frame.h"

namespace ghost {

// The published sources agree on table 1 and differ in three details of the block and the head:
//   official    the authors' PyTorch code: squeeze-excite with hard-sigmoid gate and inner channels rounded to a
//               multiple of 4, head convolution with bias
//   tensorflow  the authors' TensorFlow code: gate clipped to [0, 1], inner channels ⌊c/4⌋, head convolution with batch
//               norm instead of bias (bn_head). Its "SAME" padding is the ordinary symmetric one here, and its widths
//               below 1 are rounded by the rule of the others.
//   d_li14      github.com/d-li14/ghostnet.pytorch: as tensorflow, but the shortcut's depthwise convolution is 3×3 and
//               followed by ReLU; under its own parameter names (features.1.conv.0.primary_conv.0.weight, …)
// All: x (N, H, W, in_channels), H and W any → logits (N, num_classes).

// Variants official and tensorflow, under the names of the official PyTorch code.
class GhostNet final : public GhostFrame {
 public:
  enum class Variant { official, tensorflow };
  GhostNet(const GhostNetOptions& options, Variant variant);
  const char* kind() const override { return "GhostNet"; }

 private:
  static Plan plan(const GhostNetOptions& options, bool official);
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

}  // namespace ghost
