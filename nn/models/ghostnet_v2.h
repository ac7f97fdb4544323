// GhostNetV2 (Tang et al., "GhostNetV2: Enhance Cheap Operation with Long-Range Attention", arXiv 2211.12905), as timm
// has it.
#pragma once
#include "nn/layers/ghost_module.h"
#include "nn/models/ghost_frame.h"

namespace ghost {

struct ModelConfig;

// Decoupled fully connected attention (section 3.2 and figure 4): the gate of each value is the sigmoid of a
// convolution, a 1×5 and a 5×1 depthwise one, each with batch norm, of x at half its resolution, taken to the size of
// the maps by nearest neighbour. x (N, H, W, in), size {H', W'} → gate (N, H', W', out). A map of one pixel is not
// halved. Names 0 to 5.
class DfcAttention final : public Sequential {
 public:
  DfcAttention(int64_t in, int64_t out, Size2 kernel);
  const char* kind() const override { return "DfcAttention"; }

 protected:
  Tensor forward(const Tensor& x) override;  // before the sigmoid and at half the resolution
};

// A ghost module whose maps are multiplied by that gate. x (N, H, W, in) → y (N, H', W', out). Names
// primary_conv.{0,1}, cheap_operation.{0,1}, short_conv.{0,1,2,3,4,5}.
class GhostModuleV2 final : public GhostBase {
 public:
  explicit GhostModuleV2(const GhostModule::Options& options);
  const char* kind() const override { return "GhostModuleV2"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Child<DfcAttention> short_conv_;
};

// x (N, H, W, in_channels), H and W any → logits (N, num_classes). GhostNet, where the first ghost module of every
// block but the first two has attention.
class GhostNetV2 final : public GhostFrame {
 public:
  explicit GhostNetV2(const GhostNetOptions& options) : GhostFrame(plan(options)) {}
  const char* kind() const override { return "GhostNetV2"; }

 private:
  static Plan plan(const GhostNetOptions& options);
};

// maps · the sigmoid of `attention` at their size.
Tensor gated_by(const Tensor& maps, const Tensor& attention);

ModulePtr build_ghostnet_v2(const ModelConfig& config);

}  // namespace ghost
