// What GhostNet and the networks after it share, under the names of the official PyTorch code.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "nn/layers/conv_unit.h"
#include "nn/layers/drop_path.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/layers/pool.h"

namespace ghost {

struct GhostNetOptions {
  int64_t in_channels = 3, num_classes = 1000;
  double width = 1.0;                  // of all channels but the head's 1280; make_divisible(c·width, 4)
  double dropout = 0.2;                // before the classifier
  std::string cheap_op = "depthwise";  // of every ghost module, with cheap_kernel 3; of cheap_op_table()
  int64_t stem_stride = 2;             // 1: for images of 32×32
  double drop_path = 0;                // of the last block, rising from 0 in the first (nn/layers/drop_path.h)
  bool deployed = false;               // networks with parallel branches: these are one convolution
};

// One row of the table of blocks; a stage ends where the resolution is halved next.
struct GhostNetRow {
  int64_t kernel, expansion, out;
  bool squeeze_excite;
  int64_t stride;
  bool ends_stage;  // as the official code groups the rows into blocks.0 … blocks.8
};
// GhostNet's own (Han et al., arXiv 1911.11907, table 1), which GhostNetV2 and GhostNetV3 keep.
const std::vector<GhostNetRow>& ghostnet_table();
// make_divisible(channels·width, 4); throws UsageError unless width is positive and sensible.
int64_t scaled_channels(int64_t channels, double width);

// Stem, blocks by a table, a 1×1 convolution, the mean over each map, a head of 1280, the classifier.
// x (N, H, W, in_channels), H and W any → logits (N, num_classes). Names conv_stem, bn1, blocks.<stage>.<i>, conv_head,
// classifier.
class GhostFrame : public Module {
 public:
  // Where a block stands, with its channels.
  struct Place {
    const GhostNetRow& row;
    int64_t index, in, mid, out;  // index: 0, 1, … over all stages
    double drop_path;
  };

 protected:
  struct Plan {
    GhostNetOptions options;
    const std::vector<GhostNetRow>& rows;
    std::function<void(Sequential& stage, const Place& place)> add_block;
    int64_t last = 1;        // the 1×1 convolution has this times the last block's middle channels
    bool norm_head = false;  // conv_head has batch norm (bn_head) instead of a bias
  };
  explicit GhostFrame(const Plan& plan);
  Tensor forward(const Tensor& x) override;

 private:
  ConvUnit stem_;
  Child<Sequential> blocks_;
  Child<GlobalAvgPool> global_pool_;
  Child<Conv2d> conv_head_;
  Child<BatchNorm2d> bn_head_;
  Child<ActivationLayer> act2_;
  Child<Dropout> dropout_;
  Child<Linear> classifier_;
};

}  // namespace ghost
