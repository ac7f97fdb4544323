// GhostNetV3 (Liu et al., "GhostNetV3: Exploring the Training Strategies for Compact Models", arXiv 2404.11202, section
// 3.1), as timm has it: GhostNetV2 whose convolutions have parallel branches while it is trained.
#pragma once
#include "nn/layers/merge.h"
#include "nn/layers/squeeze_excite.h"
#include "nn/models/ghostnet_v2.h"

namespace ghost {

// The sum of all its members' results for the same input.
class Branches final : public Sequential {
 public:
  const char* kind() const override { return "Branches"; }

 protected:
  Tensor forward(const Tensor& x) override;
};

// Three like convolutions and, if asked for, a 1×1 one and the input itself, each with batch norm: their sum. They are
// members of the module that owns it, <prefix>_rpr_skip (the input), <prefix>_rpr_conv.<i>, <prefix>_rpr_scale (1×1).
// Deployed it is one convolution with bias, `merged` or <merged>.0.
class ParallelConv {
 public:
  struct Options {
    const char *prefix, *merged;
    bool merged_is_first = false;  // of a Sequential
    ConvBlock block{};             // its activation follows the sum
    bool scale = false, identity = false, deployed = false;
  };
  ParallelConv() = default;  // none
  ParallelConv(Module* owner, const Options& options);
  Tensor operator()(const Tensor& x) const;
  explicit operator bool() const { return merged_ || convs_; }
  void merge(const ParallelConv& trained) const;  // throws Error unless this is deployed and that is not

 private:
  Activation activation_ = Activation::none;
  Child<BatchNorm2d> identity_;
  Child<Branches> convs_;
  std::vector<ConvBnAct*> all_;  // of convs_, and scale_
  Child<ConvBnAct> scale_;
  Child<Sequential> sequence_;
  Conv2d* merged_ = nullptr;
  Child<Conv2d> alone_;
};

// x (N, H, W, in) → y (N, H', W', out), out even. Names primary_rpr_conv.<i>, cheap_rpr_skip, cheap_rpr_conv.<i>,
// cheap_rpr_scale, short_conv; deployed primary_conv.0, cheap_operation.0, short_conv.
class GhostModuleV3 final : public Module, public MergesBranches {
 public:
  struct Options {
    int64_t in = 0, out = 0;
    Activation activation = Activation::relu;
    bool attention = false;  // DfcAttention
    bool deployed = false;
  };
  explicit GhostModuleV3(const Options& options);
  const char* kind() const override { return "GhostModuleV3"; }
  void merge(Module& trained) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ParallelConv primary_, cheap_;
  Child<DfcAttention> short_conv_;
};

// x (N, H, W, in_channels), H and W any → logits (N, num_classes).
class GhostNetV3 final : public GhostFrame {
 public:
  explicit GhostNetV3(const GhostNetOptions& options) : GhostFrame(plan(options)) {}
  const char* kind() const override { return "GhostNetV3"; }

 private:
  static Plan plan(const GhostNetOptions& options);
};

ModulePtr build_ghostnet_v3(const ModelConfig& config);

}  // namespace ghost
