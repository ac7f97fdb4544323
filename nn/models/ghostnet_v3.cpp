#include "nn/models/ghostnet_v3.h"

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "nn/models/registry.h"

namespace ghost {
namespace {

constexpr int64_t kBranches = 3;

// GhostNetV2's block, whose depthwise convolution has branches as well. Names ghost1, dw_rpr_conv.<i>, dw_rpr_scale,
// se, ghost2, shortcut.{0,1,2,3}; deployed conv_dw, ghost1, se, ghost2, shortcut.
class GhostBottleneckV3 final : public Module, public MergesBranches {
 public:
  GhostBottleneckV3(const GhostFrame::Place& at, bool attention, bool deployed) {
    const int64_t kernel = at.row.kernel, stride = at.row.stride;
    const auto depthwise = [&](int64_t channels) {
      return ConvBlock{.in = channels,
                       .out = channels,
                       .kernel = kernel,
                       .stride = stride,
                       .groups = channels,
                       .activation = Activation::none};
    };
    const auto add_depthwise = [&] {
      if (stride > 1)
        dw_ = ParallelConv(
            this,
            {.prefix = "dw", .merged = "conv_dw", .block = depthwise(at.mid), .scale = true, .deployed = deployed});
    };
    if (deployed) add_depthwise();
    ghost1_ = Child<GhostModuleV3>(
        this, "ghost1",
        GhostModuleV3::Options{.in = at.in, .out = at.mid, .attention = attention, .deployed = deployed});
    if (!deployed) add_depthwise();
    if (at.row.squeeze_excite) se_ = Child<SqueezeExcite>(this, "se", SqueezeExcite::Options{.channels = at.mid});
    ghost2_ = Child<GhostModuleV3>(
        this, "ghost2",
        GhostModuleV3::Options{.in = at.mid, .out = at.out, .activation = Activation::none, .deployed = deployed});
    drop_path_ = drop_path_child(this, at.drop_path);
    if (stride == 1 && at.in == at.out) return;
    shortcut_ = Child<Sequential>(this, "shortcut");
    add_conv_places(*shortcut_, depthwise(at.in));
    add_conv_places(*shortcut_, {.in = at.in, .out = at.out, .kernel = 1, .activation = Activation::none});
  }
  const char* kind() const override { return "GhostBottleneckV3"; }

  void merge(Module& trained) override {
    const auto* const from = dynamic_cast<const GhostBottleneckV3*>(&trained);
    if (!from) fail("there are no branches here to merge");
    if (dw_) dw_.merge(from->dw_);
  }

 protected:
  Tensor forward(const Tensor& x) override {
    Tensor y = ghost1_(x);
    if (dw_) y = dw_(y);
    if (se_) y = se_(y);
    y = ghost2_(y);
    if (drop_path_) y = drop_path_(y);
    return y + (shortcut_ ? shortcut_(x) : x);
  }

 private:
  ParallelConv dw_;
  Child<GhostModuleV3> ghost1_, ghost2_;
  Child<SqueezeExcite> se_;
  Child<DropPath> drop_path_;
  Child<Sequential> shortcut_;
};

}  // namespace

Tensor Branches::forward(const Tensor& x) {
  Tensor sum;
  for (const auto& [name, branch] : children()) sum = sum.defined() ? sum + (*branch)(x) : (*branch)(x);
  return sum;
}

ParallelConv::ParallelConv(Module* owner, const Options& o) : activation_(o.block.activation) {
  const std::string prefix = std::string(o.prefix) + "_rpr_";
  ConvBlock block = o.block;
  block.activation = Activation::none;
  if (o.deployed) {
    const Conv2d::Options merged{.in = block.in,
                                 .out = block.out,
                                 .kernel = block.kernel,
                                 .stride = block.stride,
                                 .padding = padding_of(block),
                                 .groups = block.groups};
    if (o.merged_is_first) {
      sequence_ = Child<Sequential>(owner, o.merged);
      merged_ = &sequence_->emplace<Conv2d>(merged);
    } else {
      alone_ = Child<Conv2d>(owner, o.merged, merged);
      merged_ = &*alone_;
    }
    return;
  }
  const PartNames names{"conv", "bn1"};
  if (o.identity) identity_ = Child<BatchNorm2d>(owner, prefix + "skip", BatchNorm2d::Options{.channels = block.out});
  convs_ = Child<Branches>(owner, prefix + "conv");
  for (int64_t i = 0; i < kBranches; i++) all_.push_back(&convs_->emplace<ConvBnAct>(block, names));
  if (!o.scale) return;
  block.kernel = 1, block.padding = std::nullopt;
  scale_ = Child<ConvBnAct>(owner, prefix + "scale", block, names);
  all_.push_back(&*scale_);
}

Tensor ParallelConv::operator()(const Tensor& x) const {
  if (merged_) return activate((*merged_)(x), activation_);
  Tensor y = convs_(x);
  if (scale_) y = y + scale_(x);
  if (identity_) y = y + identity_(x);
  return activate(y, activation_);
}

void ParallelConv::merge(const ParallelConv& trained) const {
  if (!merged_ || trained.all_.empty()) fail("there are no branches here to merge");
  BranchSum sum(*merged_);
  for (const ConvBnAct* branch : trained.all_) sum.add(*branch->conv(), *branch->norm());
  if (trained.identity_) sum.add_identity(*trained.identity_);
  sum.write();
}

GhostModuleV3::GhostModuleV3(const Options& o) {
  const int64_t half = o.out / 2;
  if (o.out < 2 || o.out % 2 != 0)
    fail_usage("GhostModuleV3: out={}, but must be even; nearest valid: {}", o.out, std::max<int64_t>(2, o.out + 1));
  primary_ = ParallelConv(this, {.prefix = "primary",
                                 .merged = "primary_conv",
                                 .merged_is_first = true,
                                 .block = {.in = o.in, .out = half, .kernel = 1, .activation = o.activation},
                                 .deployed = o.deployed});
  cheap_ = ParallelConv(this, {.prefix = "cheap",
                               .merged = "cheap_operation",
                               .merged_is_first = true,
                               .block = {.in = half, .out = half, .groups = half, .activation = o.activation},
                               .scale = true,
                               .identity = true,
                               .deployed = o.deployed});
  if (o.attention) short_conv_ = Child<DfcAttention>(this, "short_conv", o.in, o.out, 1);
}

Tensor GhostModuleV3::forward(const Tensor& x) {
  const Tensor primary = primary_(x), all = cat({primary, cheap_(primary)});
  return short_conv_ ? gated_by(all, short_conv_(x)) : all;
}

void GhostModuleV3::merge(Module& trained) {
  const auto* const from = dynamic_cast<const GhostModuleV3*>(&trained);
  if (!from) fail("there are no branches here to merge");
  primary_.merge(from->primary_), cheap_.merge(from->cheap_);
}

GhostFrame::Plan GhostNetV3::plan(const GhostNetOptions& o) {
  const auto add_block = [deployed = o.deployed](Sequential& stage, const Place& at) {
    constexpr int64_t kPlain = 2;  // blocks at the start, without attention
    stage.emplace<GhostBottleneckV3>(at, at.index >= kPlain, deployed);
  };
  return {.options = o, .rows = ghostnet_table(), .add_block = add_block};
}

ModulePtr build_ghostnet_v3(const ModelConfig& c) {
  return std::make_shared<GhostNetV3>(GhostNetOptions{.in_channels = c.in_channels,
                                                      .num_classes = c.num_classes,
                                                      .width = c.width,
                                                      .dropout = c.dropout,
                                                      .stem_stride = c.stem_stride,
                                                      .drop_path = c.drop_path,
                                                      .deployed = c.deployed});
}

}  // namespace ghost
