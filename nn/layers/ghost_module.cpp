#include "nn/layers/ghost_module.h"

namespace ghost {

GhostBase::Plan GhostModule::plan(const Options& o) {
  require_at_least("GhostModule", "in", o.in, 1), require_at_least("GhostModule", "out", o.out, 1);
  require_at_least("GhostModule", "ratio", o.ratio, 1);
  require_cheap_op("GhostModule", o.cheap_op, o.cheap_kernel);
  const int64_t intrinsic = (o.out + o.ratio - 1) / o.ratio;
  return {.in = o.in,
          .intrinsic = intrinsic,
          .ghosts = intrinsic * (o.ratio - 1),
          .out = o.out,
          .kernel = o.kernel,
          .stride = o.stride,
          .padding = o.padding.value_or(Size2(o.kernel.h / 2, o.kernel.w / 2)),
          .dilation = o.dilation,
          .cheap_op = o.cheap_op,
          .cheap_kernel = o.cheap_kernel,
          .activation = o.activation};
}

}  // namespace ghost
