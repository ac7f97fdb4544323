#include "nn/models/mobilenet_v1.h"

#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"

namespace ghost {
namespace {

struct Pair {
  int64_t out, stride;
};
constexpr Pair kPairs[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                           {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

class DepthwisePointwise final : public Module {
 public:
  DepthwisePointwise(int64_t in, int64_t out, int64_t stride, const ConvChoice& conv)
      : conv_dw_(this, "conv_dw",
                 Conv2d::Options{
                     .in = in, .out = in, .kernel = 3, .stride = stride, .padding = 1, .groups = in, .bias = false}),
        bn1_(this, "bn1", BatchNorm2d::Options{.channels = in}),
        pointwise_(this, "conv_pw", "bn2", {.in = in, .out = out, .kernel = 1, .padding = 0}, conv) {}
  const char* kind() const override { return "DepthwisePointwise"; }

 protected:
  Tensor forward(const Tensor& x) override { return pointwise_(relu(bn1_(conv_dw_(x)))); }

 private:
  Child<Conv2d> conv_dw_;
  Child<BatchNorm2d> bn1_;
  ConvUnit pointwise_;
};

}  // namespace

MobileNetV1::MobileNetV1(const Options& o) {
  if (!(o.width > 0)) fail_usage("MobileNetV1: width={}, but must be positive", o.width);
  require_at_least("MobileNetV1", "stem_stride", o.stem_stride, 1);
  const auto scaled = [&](int64_t channels) { return make_divisible(static_cast<double>(channels) * o.width, 8); };
  int64_t in = scaled(32);
  stem_ = ConvUnit(this, "conv_stem", "bn1", {.in = o.in_channels, .out = in, .stride = o.stem_stride, .first = true},
                   o.conv);
  blocks_ = Child<Sequential>(this, "blocks");
  for (const Pair& p : kPairs) {
    const int64_t out = scaled(p.out);
    blocks_->emplace<DepthwisePointwise>(in, out, p.stride, o.conv);
    in = out;
  }
  pool_ = Child<GlobalAvgPool>(this, "pool");
  classifier_ = Child<Linear>(this, "classifier", Linear::Options{.in = in, .out = o.num_classes});
}

}  // namespace ghost
