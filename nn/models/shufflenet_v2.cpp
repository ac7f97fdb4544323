#include "nn/models/shufflenet_v2.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/channel_shuffle.h"
#include "core/ops/shape_ops.h"
#include "nn/models/registry.h"

namespace ghost {
namespace {

struct Width {
  double width;
  int64_t stage2, stage3, stage4, last;
};
constexpr Width kWidths[] = {
    {0.5, 48, 96, 192, 1024}, {1, 116, 232, 464, 1024}, {1.5, 176, 352, 704, 1024}, {2, 244, 488, 976, 2048}};

const Width& channels_of(double width) {
  const auto* const nearest = std::min_element(
      std::begin(kWidths), std::end(kWidths),
      [&](const Width& a, const Width& b) { return std::abs(a.width - width) < std::abs(b.width - width); });
  if (nearest->width != width)
    fail_usage("ShuffleNetV2: width={}, but must be 0.5, 1, 1.5 or 2; nearest valid: {}", width, nearest->width);
  return *nearest;
}

class ShuffleBlock final : public Module {
 public:
  ShuffleBlock(int64_t in, int64_t out, int64_t stride, const ConvChoice& conv) : half_(out / 2) {
    const auto depthwise = [stride](int64_t channels) {
      return ConvBlock{
          .in = channels, .out = channels, .stride = stride, .groups = channels, .activation = Activation::none};
    };
    if (stride > 1) {
      branch1_ = Child<Sequential>(this, "branch1");
      add_conv_places(*branch1_, depthwise(in));
      add_conv_places(*branch1_, {.in = in, .out = half_, .kernel = 1}, conv);
    }
    branch2_ = Child<Sequential>(this, "branch2");
    add_conv_places(*branch2_, {.in = stride > 1 ? in : half_, .out = half_, .kernel = 1}, conv);
    add_conv_places(*branch2_, depthwise(half_));
    add_conv_places(*branch2_, {.in = half_, .out = half_, .kernel = 1}, conv);
  }
  const char* kind() const override { return "ShuffleBlock"; }

 protected:
  Tensor forward(const Tensor& x) override {
    if (branch1_) return channel_shuffle(cat({branch1_(x), branch2_(x)}), 2);
    return channel_shuffle(cat({slice_channels(x, 0, half_), branch2_(slice_channels(x, half_, half_))}), 2);
  }

 private:
  int64_t half_;
  Child<Sequential> branch1_, branch2_;
};

}  // namespace

ShuffleNetV2::ShuffleNetV2(const Options& o) {
  constexpr int64_t kStem = 24;
  require_at_least("ShuffleNetV2", "stem_stride", o.stem_stride, 1);
  const Width& channels = channels_of(o.width);
  conv1_ = ConvUnit(this, "conv1", {.in = o.in_channels, .out = kStem, .stride = o.stem_stride, .first = true}, o.conv);
  if (o.stem_stride > 1)
    maxpool_ = Child<MaxPool2d>(this, "maxpool", MaxPool2d::Options{.kernel = 3, .stride = 2, .padding = 1});
  int64_t in = kStem;
  const auto stage = [&](const char* name, int64_t out, int64_t blocks) {
    Child<Sequential> all(this, name);
    for (int64_t i = 0; i < blocks; i++, in = out) all->emplace<ShuffleBlock>(in, out, i == 0 ? 2 : 1, o.conv);
    return all;
  };
  stage2_ = stage("stage2", channels.stage2, 4);
  stage3_ = stage("stage3", channels.stage3, 8);
  stage4_ = stage("stage4", channels.stage4, 4);
  conv5_ = ConvUnit(this, "conv5", {.in = in, .out = channels.last, .kernel = 1}, o.conv);
  pool_ = Child<GlobalAvgPool>(this, "pool");
  fc_ = Child<Linear>(this, "fc", Linear::Options{.in = channels.last, .out = o.num_classes});
}

Tensor ShuffleNetV2::forward(const Tensor& x) {
  const Tensor y = conv1_(x);
  return fc_(flatten(pool_(conv5_(stage4_(stage3_(stage2_(maxpool_ ? maxpool_(y) : y)))))));
}

ModulePtr build_shufflenet_v2(const ModelConfig& c) {
  return std::make_shared<ShuffleNetV2>(ShuffleNetV2::Options{.in_channels = c.in_channels,
                                                              .num_classes = c.num_classes,
                                                              .width = c.width,
                                                              .stem_stride = c.stem_stride,
                                                              .conv = c.conv});
}

}  // namespace ghost
