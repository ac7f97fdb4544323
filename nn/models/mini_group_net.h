#pragma once
#include "nn/layers/grouped_bottleneck.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"

namespace ghost {

// A small ResNeXt (blocks of Xie et al., arXiv 1611.05431): stem 3×3 → 64, grouped bottlenecks 64 → 128 and 128 → 256
// of stride 2, global average pool, fully connected. x (N, H, W, in_channels), H and W any → logits (N, num_classes).
class MiniGroupNet final : public Module {
 public:
  struct Options {
    int64_t in_channels = 3, num_classes = 10, groups = 4;
    double drop_path = 0;            // of stage2; of stage1 0
    ConvChoice conv = ConvChoice();  // of the stem and of the 1×1 convolutions, shortcuts apart
  };
  explicit MiniGroupNet(const Options& options);
  const char* kind() const override { return "MiniGroupNet"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit stem_;
  Child<GroupedBottleneck> stage1_, stage2_;
  Child<GlobalAvgPool> pool_;
  Child<Linear> fc_;
};

}  // namespace ghost
