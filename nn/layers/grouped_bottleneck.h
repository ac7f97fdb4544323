#pragma once
#include "nn/layers/conv_unit.h"
#include "nn/layers/drop_path.h"

namespace ghost {

// ResNeXt's block (Xie et al., arXiv 1611.05431, figure 3c): 1×1 reduce, grouped 3×3 (the stride is here), 1×1 expand,
// each with batch norm, ReLU after the first two and after the sum with the shortcut.
// x (N, H, W, in) → y (N, ⌈H/stride⌉, ⌈W/stride⌉, out). Names reduce, group_conv, expand and, when the stride is not 1
// or in ≠ out, skip (1×1).
// Throws UsageError naming the nearest valid values unless groups divides hidden = round_half_to_even(out·ratio).
class GroupedBottleneck final : public Module {
 public:
  struct Options {
    int64_t in = 0, out = 0;
    double bottleneck_ratio = 0.5;
    int64_t groups = 4, stride = 1;
    double drop_path = 0;            // of what is added to the shortcut
    ConvChoice conv = ConvChoice();  // of reduce and expand
  };
  explicit GroupedBottleneck(const Options& options);
  const char* kind() const override { return "GroupedBottleneck"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit reduce_, group_conv_, expand_, skip_;
  Child<DropPath> drop_path_;
};

}  // namespace ghost
