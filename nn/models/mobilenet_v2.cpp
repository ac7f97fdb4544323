#include "nn/models/mobilenet_v2.h"

#include <algorithm>

#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "nn/models/registry.h"

namespace ghost {
namespace {

struct Stage {
  int64_t expansion, out, blocks, stride;
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

struct Block {
  int64_t in, out, stride, expansion;
  bool adds_input() const { return stride == 1 && in == out; }
};

std::vector<Block> blocks_of(int64_t in, const MobileNetV2::Options& o) {
  std::vector<Block> all;
  bool keeps_size = o.stem_stride == 1;  // the first stage that would halve the maps
  for (const Stage& s : kStages) {
    const int64_t out = make_divisible(static_cast<double>(s.out) * o.width, 8);
    const int64_t stride = keeps_size ? 1 : s.stride;
    if (s.stride > 1) keeps_size = false;
    for (int64_t i = 0; i < s.blocks; i++, in = out) all.push_back({in, out, i == 0 ? stride : 1, s.expansion});
  }
  return all;
}

class InvertedResidual final : public Module {
 public:
  InvertedResidual(const Block& o, double drop_path, const ConvChoice& conv)
      : conv_(this, "conv"), adds_input_(o.adds_input()) {
    const int64_t mid = o.in * o.expansion;
    if (o.expansion != 1)
      conv_->add_made([&] {
        return make_conv_block({.in = o.in, .out = mid, .kernel = 1, .activation = Activation::relu6}, conv);
      });
    conv_->emplace<ConvBnAct>(
        ConvBlock{.in = mid, .out = mid, .stride = o.stride, .groups = mid, .activation = Activation::relu6});
    add_conv_places(*conv_, {.in = mid, .out = o.out, .kernel = 1, .activation = Activation::none}, conv);
    if (adds_input_) drop_path_ = drop_path_child(this, drop_path);
  }
  const char* kind() const override { return "InvertedResidual"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor y = conv_(x);
    if (!adds_input_) return y;
    return x + (drop_path_ ? drop_path_(y) : y);
  }

 private:
  Child<Sequential> conv_;
  Child<DropPath> drop_path_;
  bool adds_input_;
};

}  // namespace

MobileNetV2::MobileNetV2(const Options& o) : features_(this, "features") {
  if (!(o.width > 0)) fail_usage("MobileNetV2: width={}, but must be above 0", o.width);
  require_at_least("MobileNetV2", "stem_stride", o.stem_stride, 1);
  int64_t in = make_divisible(32 * o.width, 8), block = 0;
  const std::vector<Block> blocks = blocks_of(in, o);
  const auto residual_blocks =
      std::count_if(blocks.begin(), blocks.end(), [](const Block& b) { return b.adds_input(); });
  features_->add_made([&] {
    return make_conv_block(
        {.in = o.in_channels, .out = in, .stride = o.stem_stride, .activation = Activation::relu6, .first = true},
        o.conv);
  });
  for (const Block& b : blocks) {
    const double drop_path = b.adds_input() ? drop_path_of(o.drop_path, block++, residual_blocks) : 0;
    features_->emplace<InvertedResidual>(b, drop_path, o.conv);
    in = b.out;
  }
  const int64_t last = make_divisible(1280 * std::max(1.0, o.width), 8);
  features_->add_made(
      [&] { return make_conv_block({.in = in, .out = last, .kernel = 1, .activation = Activation::relu6}, o.conv); });
  pool_ = Child<GlobalAvgPool>(this, "pool");
  classifier_ = Child<Sequential>(this, "classifier");
  classifier_->emplace<Dropout>(o.dropout);
  classifier_->emplace<Linear>(Linear::Options{.in = last, .out = o.num_classes});
}

Tensor MobileNetV2::forward(const Tensor& x) { return classifier_(flatten(pool_(features_(x)))); }

ModulePtr build_mobilenet_v2(const ModelConfig& c) {
  return std::make_shared<MobileNetV2>(MobileNetV2::Options{.in_channels = c.in_channels,
                                                            .num_classes = c.num_classes,
                                                            .width = c.width,
                                                            .dropout = c.dropout,
                                                            .drop_path = c.drop_path,
                                                            .stem_stride = c.stem_stride,
                                                            .conv = c.conv});
}

}  // namespace ghost
