#pragma once
#include <optional>

#include "nn/layers/conv_unit.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/sequential.h"

namespace ghost {

// Residual networks (He et al., arXiv 1512.03385) and ResNeXt (Xie et al., arXiv 1611.05431).
// x (N, H, W, in_channels) → logits (N, num_classes). Names are torchvision's: conv1, bn1, layer<i>.<j>.conv1, …, fc;
// if `conv` is not an ordinary convolution, bn<i> is part of conv<i>. Projections of shortcuts (downsample) and
// grouped convolutions stay as they are.
class ResNet final : public Module {
 public:
  enum class Block { basic, bottleneck };
  // The shortcut of a block whose sizes differ. A: every other pixel, and zeros for the new channels. B: a 1×1
  // convolution.
  enum class Shortcut { A, B };
  struct Options {
    int64_t in_channels = 3, num_classes = 10;
    Block block = Block::basic;
    std::vector<int64_t> blocks{3, 3, 3};       // of each stage
    std::vector<int64_t> channels{16, 32, 64};  // of each stage (before a bottleneck's expansion by 4)
    bool large_stem = false;                    // 7×7 stride 2 and 3×3 max-pooling, for ImageNet; else 3×3
    Shortcut shortcut = Shortcut::B;
    int64_t groups = 1, width_per_group = 64;  // bottleneck: 3×3 channels = channels · width_per_group/64 · groups
    double drop_path = 0;                      // of the last block, rising from 0 in the first
    ConvChoice conv = ConvChoice();
  };
  explicit ResNet(const Options& options);
  const char* kind() const override { return "ResNet"; }

  // Sizes by depth. CIFAR: 20, 32, 44, 56, 110 (6n + 2); ImageNet: 18, 34, 50, 101. Throws UsageError naming the
  // nearest.
  static Options of_depth(int64_t depth);
  // ResNeXt of depth 29 (CIFAR: three stages of three bottlenecks) or 50, 101 (ImageNet) with these groups
  // (cardinality).
  static Options resnext(int64_t depth, int64_t groups, int64_t width_per_group);

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit conv1_;
  Child<MaxPool2d> max_pool_;
  std::vector<Child<Sequential>> layers_;
  Child<GlobalAvgPool> pool_;
  Child<Linear> fc_;
};

}  // namespace ghost
