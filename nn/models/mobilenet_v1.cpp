#include "nn/models/mobilenet_v1.h"

#include <iterator>

#include "core/ops/shape_ops.h"

namespace ghost {
namespace {

struct Pair {
  int64_t out, stride;
};
constexpr Pair kPairs[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                           {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

class DepthwisePointwise final : public Module {
 public:
  DepthwisePointwise(int64_t in, int64_t out, int64_t stride, const ConvChoice& conv, Activation activation)
      : depthwise_(this, {"conv_dw", "bn1"},
                   {.in = in, .out = in, .stride = stride, .groups = in, .activation = activation}),
        pointwise_(this, {"conv_pw", "bn2"}, {.in = in, .out = out, .kernel = 1, .activation = activation}, conv) {}
  const char* kind() const override { return "DepthwisePointwise"; }

 protected:
  Tensor forward(const Tensor& x) override { return pointwise_(depthwise_(x)); }

 private:
  ConvUnit depthwise_, pointwise_;
};

}  // namespace

MobileNetV1::MobileNetV1(const Options& o) {
  if (!(o.width > 0)) fail_usage("MobileNetV1: width={}, but must be positive", o.width);
  require_at_least("MobileNetV1", "stem_stride", o.stem_stride, 1);
  const auto scaled = [&](int64_t channels) { return make_divisible(static_cast<double>(channels) * o.width, 8); };
  int64_t in = scaled(32);
  stem_ = ConvUnit(this, {"conv_stem", "bn1"},
                   {.in = o.in_channels, .out = in, .stride = o.stem_stride, .activation = o.activation, .first = true},
                   o.conv);
  blocks_ = Child<Sequential>(this, "blocks");
  Sequential* stage = &*blocks_;
  for (const Pair& p : kPairs) {
    const int64_t out = scaled(p.out);
    if (o.timm_names && (p.stride > 1 || &p == std::begin(kPairs))) stage = &blocks_->emplace<Sequential>();
    stage->emplace<DepthwisePointwise>(in, out, p.stride, o.conv, o.activation);
    in = out;
  }
  pool_ = Child<GlobalAvgPool>(this, "pool");
  classifier_ = Child<Linear>(this, "classifier", Linear::Options{.in = in, .out = o.num_classes});
}

Tensor MobileNetV1::forward(const Tensor& x) { return classifier_(flatten(pool_(blocks_(stem_(x))))); }

}  // namespace ghost
