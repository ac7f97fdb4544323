#include "nn/models/ghostnet.h"

namespace ghost {

GhostNet::GhostNet(const GhostNetOptions& o, Variant variant) : GhostFrame(plan(o, variant == Variant::official)) {}

GhostFrame::Plan GhostNet::plan(const GhostNetOptions& o, bool official) {
  const auto add_block = [=](Sequential& stage, const Place& at) {
    stage.emplace<GhostBottleneck>(
        GhostBottleneck::Options{.in = at.in,
                                 .mid = at.mid,
                                 .out = at.out,
                                 .kernel = at.row.kernel,
                                 .stride = at.row.stride,
                                 .se_ratio = at.row.squeeze_excite ? 0.25 : 0,
                                 .se_divisor = official ? 4 : 1,
                                 .gate = official ? Activation::hard_sigmoid : Activation::clip,
                                 .cheap_op = o.cheap_op,
                                 .drop_path = at.drop_path});
  };
  return {.options = o, .rows = ghostnet_table(), .add_block = add_block, .norm_head = !official};
}

}  // namespace ghost
