#include "nn/models/ghostnet_v2.h"

#include <algorithm>

#include "core/ops/activation.h"
#include "core/ops/pool.h"
#include "core/ops/resize.h"
#include "nn/layers/ghost_bottleneck.h"
#include "nn/models/registry.h"

namespace ghost {

DfcAttention::DfcAttention(int64_t in, int64_t out, Size2 kernel) {
  add_conv_places(*this, {.in = in, .out = out, .kernel = kernel, .activation = Activation::none});
  for (const Size2 line : {Size2(1, 5), Size2(5, 1)})
    add_conv_places(*this, {.in = out, .out = out, .kernel = line, .groups = out, .activation = Activation::none});
}

Tensor DfcAttention::forward(const Tensor& x) {
  const std::array<int64_t, 2> window{std::min<int64_t>(2, x.size(1)), std::min<int64_t>(2, x.size(2))};
  return Sequential::forward(avg_pool2d(x, {.kernel = window, .stride = window}));
}

Tensor gated_by(const Tensor& maps, const Tensor& attention) { return mul_nearest(maps, sigmoid(attention)); }

GhostModuleV2::GhostModuleV2(const GhostModule::Options& o)
    : GhostBase(GhostModule::plan(o), "cheap_operation"), short_conv_(this, "short_conv", o.in, o.out, o.kernel) {}

Tensor GhostModuleV2::forward(const Tensor& x) { return gated_by(GhostBase::forward(x), short_conv_(x)); }

GhostFrame::Plan GhostNetV2::plan(const GhostNetOptions& o) {
  const auto add_block = [=](Sequential& stage, const Place& at) {
    constexpr int64_t kPlain = 2;  // blocks at the start
    GhostBottleneck::MakeGhost with_attention;
    if (at.index >= kPlain)
      with_attention = [=](int64_t in, int64_t out, Activation activation) {
        return std::make_shared<GhostModuleV2>(
            GhostModule::Options{.in = in, .out = out, .cheap_op = o.cheap_op, .activation = activation});
      };
    stage.emplace<GhostBottleneck>(GhostBottleneck::Options{.in = at.in,
                                                            .mid = at.mid,
                                                            .out = at.out,
                                                            .kernel = at.row.kernel,
                                                            .stride = at.row.stride,
                                                            .se_ratio = at.row.squeeze_excite ? 0.25 : 0,
                                                            .cheap_op = o.cheap_op,
                                                            .drop_path = at.drop_path,
                                                            .ghost1 = with_attention});
  };
  return {.options = o, .rows = ghostnet_table(), .add_block = add_block};
}

ModulePtr build_ghostnet_v2(const ModelConfig& c) {
  return std::make_shared<GhostNetV2>(GhostNetOptions{.in_channels = c.in_channels,
                                                      .num_classes = c.num_classes,
                                                      .width = c.width,
                                                      .dropout = c.dropout,
                                                      .cheap_op = c.cheap_op,
                                                      .stem_stride = c.stem_stride,
                                                      .drop_path = c.drop_path});
}

}  // namespace ghost
