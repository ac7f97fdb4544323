#include "nn/models/repghost.h"

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "nn/layers/ghost_bottleneck.h"
#include "nn/models/registry.h"

namespace ghost {
namespace {

const std::vector<GhostNetRow>& table() {
  static const std::vector<GhostNetRow> rows{
      {3, 8, 16, false, 1, true},      //
      {3, 24, 24, false, 2, true},     //
      {3, 36, 24, false, 1, true},     //
      {5, 36, 40, true, 2, true},      //
      {5, 60, 40, true, 1, true},      //
      {3, 120, 80, false, 2, true},    //
      {3, 100, 80, false, 1, false},   //
      {3, 120, 80, false, 1, false},   //
      {3, 120, 80, false, 1, false},   //
      {3, 240, 112, true, 1, false},   //
      {3, 336, 112, true, 1, true},    //
      {5, 336, 160, true, 2, true},    //
      {5, 480, 160, false, 1, false},  //
      {5, 480, 160, true, 1, false},   //
      {5, 480, 160, false, 1, false},  //
      {5, 480, 160, true, 1, true},    //
  };
  return rows;
}

}  // namespace

RepGhostModule::RepGhostModule(const Options& o)
    : activation_(o.activation),
      primary_conv_(this, "primary_conv",
                    ConvBlock{.in = o.in, .out = o.out, .kernel = o.kernel, .activation = o.activation}) {
  require_odd_kernel("RepGhostModule", "cheap_kernel", o.cheap_kernel);
  if (o.deployed) {
    merged_ = Child<Conv2d>(
        this, "cheap_operation",
        Conv2d::Options{
            .in = o.out, .out = o.out, .kernel = o.cheap_kernel, .padding = o.cheap_kernel / 2, .groups = o.out});
    return;
  }
  fusion_bn_ = Child<Sequential>(this, "fusion_bn");
  fusion_norm_ = std::make_shared<BatchNorm2d>(BatchNorm2d::Options{.channels = o.out});
  fusion_bn_->add(fusion_norm_);
  cheap_operation_ = Child<ConvBnAct>(
      this, "cheap_operation",
      ConvBlock{.in = o.out, .out = o.out, .kernel = o.cheap_kernel, .groups = o.out, .activation = Activation::none});
}

Tensor RepGhostModule::forward(const Tensor& x) {
  const Tensor maps = primary_conv_(x);
  return activate(merged_ ? merged_(maps) : cheap_operation_(maps) + fusion_bn_(maps), activation_);
}

void RepGhostModule::merge(Module& trained) {
  const auto* const from = dynamic_cast<const RepGhostModule*>(&trained);
  if (!merged_ || !from || !from->cheap_operation_) fail("there are no branches here to merge");
  BranchSum sum(*merged_);
  sum.add(*from->cheap_operation_->conv(), *from->cheap_operation_->norm());
  sum.add_identity(*from->fusion_norm_);
  sum.write();
}

GhostFrame::Plan RepGhostNet::plan(const GhostNetOptions& o) {
  const GhostBottleneck::MakeGhost make = [deployed = o.deployed](int64_t in, int64_t out, Activation activation) {
    return std::make_shared<RepGhostModule>(
        RepGhostModule::Options{.in = in, .out = out, .activation = activation, .deployed = deployed});
  };
  const auto add_block = [=](Sequential& stage, const Place& at) {
    stage.emplace<GhostBottleneck>(GhostBottleneck::Options{.in = at.in,
                                                            .mid = at.mid,
                                                            .out = at.out,
                                                            .kernel = at.row.kernel,
                                                            .stride = at.row.stride,
                                                            .se_ratio = at.row.squeeze_excite ? 0.25 : 0,
                                                            .drop_path = at.drop_path,
                                                            .ghost1 = make,
                                                            .ghost2 = make});
  };
  return {.options = o, .rows = table(), .add_block = add_block, .last = 2};
}

ModulePtr build_repghost(const ModelConfig& c) {
  return std::make_shared<RepGhostNet>(GhostNetOptions{.in_channels = c.in_channels,
                                                       .num_classes = c.num_classes,
                                                       .width = c.width,
                                                       .dropout = c.dropout,
                                                       .stem_stride = c.stem_stride,
                                                       .drop_path = c.drop_path,
                                                       .deployed = c.deployed});
}

}  // namespace ghost
