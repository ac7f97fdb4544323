#pragma once
#include <optional>

#include "nn/layers/ghost_base.h"

namespace ghost {

// The Ghost module of GhostNet (arXiv 1911.11907, section 3.1, and its official code): ⌈out/ratio⌉ intrinsic channels,
// ratio − 1 ghosts from each, cut to `out`. Channels that are cut off own parameters, which get the gradient 0.
// x (N, H, W, in) → y (N, H', W', out). Names primary_conv.{0,1}, cheap_operation.{0,1}.
class GhostModule final : public GhostBase {
 public:
  struct Options {
    int64_t in = 0, out = 0;
    Size2 kernel = 1;
    int64_t ratio = 2;                   // 1: the primary convolution alone
    std::string cheap_op = "depthwise";  // of cheap_op_table()
    int64_t cheap_kernel = 3;            // odd
    Size2 stride = 1;
    std::optional<Size2> padding = std::nullopt;  // empty: kernel/2
    Size2 dilation = 1;
    Activation activation = Activation::relu;
  };
  explicit GhostModule(const Options& options) : GhostBase(plan(options), "cheap_operation") {}
  const char* kind() const override { return "GhostModule"; }
  static Plan plan(const Options& options);  // throws UsageError naming the nearest valid value
};

}  // namespace ghost
