#pragma once
#include "nn/layers/ghost_base.h"

namespace ghost {

// The ghost convolution in its textbook form: c_int = round_half_to_even(out/ratio) intrinsic channels, out − c_int
// ghosts. x (N, H, W, in) → y (N, H', W', out). Names primary_conv.{0,1}, cheap_conv.{0,1}.
// Throws UsageError naming the nearest valid values unless out − c_int is zero or a positive multiple of c_int ≥ 1.
class GhostConv final : public GhostBase {
 public:
  struct Options {
    int64_t in = 0, out = 0;
    Size2 kernel = 1;
    double ratio = 2;                    // ≥ 1
    std::string cheap_op = "depthwise";  // of cheap_op_table()
    int64_t cheap_kernel = 3;            // odd
    Size2 stride = 1, padding = 0, dilation = 1;
    Activation activation = Activation::relu;
  };
  explicit GhostConv(const Options& options) : GhostBase(plan(options), "cheap_conv") {}
  const char* kind() const override { return "GhostConv"; }
  static bool valid(int64_t out, double ratio);

 private:
  static Plan plan(const Options& options);
};

}  // namespace ghost
