// RepGhostNet (Chen et al., "RepGhost: A Hardware-Efficient Ghost Module via Re-parameterization", arXiv 2211.06088,
// table 2), as timm has it.
#pragma once
#include "nn/layers/merge.h"
#include "nn/models/ghost_frame.h"

namespace ghost {

struct ModelConfig;

// The RepGhost module (section 3.3): a convolution (batch norm, activation) makes all maps; the sum of a depthwise
// convolution of them (batch norm) and of a batch norm of them takes the place of GhostNet's concatenation, and the
// activation follows. x (N, H, W, in) → y (N, H, W, out). Names primary_conv.{0,1}, fusion_bn.0, cheap_operation.{0,1}.
// Deployed: the sum is one depthwise convolution with bias, cheap_operation.
class RepGhostModule final : public Module, public MergesBranches {
 public:
  struct Options {
    int64_t in = 0, out = 0, kernel = 1;
    int64_t cheap_kernel = 3;  // odd
    Activation activation = Activation::relu;
    bool deployed = false;
  };
  explicit RepGhostModule(const Options& options);
  const char* kind() const override { return "RepGhostModule"; }
  void merge(Module& trained) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Activation activation_;
  Child<ConvBnAct> primary_conv_;
  Child<Sequential> fusion_bn_;
  Child<ConvBnAct> cheap_operation_;
  std::shared_ptr<BatchNorm2d> fusion_norm_;
  Child<Conv2d> merged_;  // deployed
};

// x (N, H, W, in_channels), H and W any → logits (N, num_classes). GhostNet's blocks with these modules and half of
// their middle channels.
class RepGhostNet final : public GhostFrame {
 public:
  explicit RepGhostNet(const GhostNetOptions& options) : GhostFrame(plan(options)) {}
  const char* kind() const override { return "RepGhostNet"; }

 private:
  static Plan plan(const GhostNetOptions& options);
};

ModulePtr build_repghost(const ModelConfig& config);

}  // namespace ghost
