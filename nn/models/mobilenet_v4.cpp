#include "nn/models/mobilenet_v4.h"

#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "nn/models/registry.h"

namespace ghost {
namespace {

struct Row {
  enum class Kind { conv, fused, universal } kind;
  int64_t out, stride;
  int64_t start, mid;  // kernels; a convolution has the second alone
  double expansion;
};
using Stage = std::vector<Row>;
constexpr Row::Kind kConv = Row::Kind::conv, kFused = Row::Kind::fused, kUniversal = Row::Kind::universal;

const std::vector<Stage>& conv_small() {
  static const std::vector<Stage> stages{
      {{kConv, 32, 2, 0, 3, 1}, {kConv, 32, 1, 0, 1, 1}},
      {{kConv, 96, 2, 0, 3, 1}, {kConv, 64, 1, 0, 1, 1}},
      {{kUniversal, 96, 2, 5, 5, 3},
       {kUniversal, 96, 1, 0, 3, 2},
       {kUniversal, 96, 1, 0, 3, 2},
       {kUniversal, 96, 1, 0, 3, 2},
       {kUniversal, 96, 1, 0, 3, 2},
       {kUniversal, 96, 1, 3, 0, 4}},
      {{kUniversal, 128, 2, 3, 3, 6},
       {kUniversal, 128, 1, 5, 5, 4},
       {kUniversal, 128, 1, 0, 5, 4},
       {kUniversal, 128, 1, 0, 5, 3},
       {kUniversal, 128, 1, 0, 3, 4},
       {kUniversal, 128, 1, 0, 3, 4}},
      {{kConv, 960, 1, 0, 1, 1}},
  };
  return stages;
}

const std::vector<Stage>& conv_medium() {
  static const std::vector<Stage> stages{
      {{kFused, 48, 2, 0, 3, 4}},
      {{kUniversal, 80, 2, 3, 5, 4}, {kUniversal, 80, 1, 3, 3, 2}},
      {{kUniversal, 160, 2, 3, 5, 6},
       {kUniversal, 160, 1, 3, 3, 4},
       {kUniversal, 160, 1, 3, 3, 4},
       {kUniversal, 160, 1, 3, 5, 4},
       {kUniversal, 160, 1, 3, 3, 4},
       {kUniversal, 160, 1, 3, 0, 4},
       {kUniversal, 160, 1, 0, 0, 2},
       {kUniversal, 160, 1, 3, 0, 4}},
      {{kUniversal, 256, 2, 5, 5, 6},
       {kUniversal, 256, 1, 5, 5, 4},
       {kUniversal, 256, 1, 3, 5, 4},
       {kUniversal, 256, 1, 3, 5, 4},
       {kUniversal, 256, 1, 0, 0, 4},
       {kUniversal, 256, 1, 3, 0, 4},
       {kUniversal, 256, 1, 3, 5, 2},
       {kUniversal, 256, 1, 5, 5, 4},
       {kUniversal, 256, 1, 0, 0, 4},
       {kUniversal, 256, 1, 0, 0, 4},
       {kUniversal, 256, 1, 5, 0, 2}},
      {{kConv, 960, 1, 0, 1, 1}},
  };
  return stages;
}

// A 3×3 convolution that expands, and a 1×1 one: timm's EdgeResidual, where it changes the size.
class FusedBottleneck final : public Module {
 public:
  FusedBottleneck(int64_t in, int64_t mid, const Row& row, int64_t out, const ConvChoice& conv)
      : expand_(this, {"conv_exp", "bn1"}, {.in = in, .out = mid, .kernel = row.mid, .stride = row.stride}, conv),
        project_(this, {"conv_pwl", "bn2"}, {.in = mid, .out = out, .kernel = 1, .activation = Activation::none},
                 conv) {}
  const char* kind() const override { return "FusedBottleneck"; }

 protected:
  Tensor forward(const Tensor& x) override { return project_(expand_(x)); }

 private:
  ConvUnit expand_, project_;
};

}  // namespace

UniversalBottleneck::UniversalBottleneck(const Options& o) : adds_input_(o.stride == 1 && o.in == o.out) {
  const auto depthwise = [](int64_t channels, int64_t kernel, int64_t stride, Activation activation) {
    return ConvBlock{.in = channels,
                     .out = channels,
                     .kernel = kernel,
                     .stride = stride,
                     .groups = channels,
                     .activation = activation};
  };
  const PartNames names{"conv", "bn"};
  require_at_least("UniversalBottleneck", "stride", o.stride, 1);
  if (o.start_kernel == 0 && o.mid_kernel == 0 && o.stride > 1)
    fail_usage("UniversalBottleneck: stride={} without a depthwise convolution; nearest valid: stride=1", o.stride);
  if (o.start_kernel > 0) {
    require_odd_kernel("UniversalBottleneck", "start_kernel", o.start_kernel);
    dw_start_ = ConvUnit(this, "dw_start",
                         depthwise(o.in, o.start_kernel, o.mid_kernel > 0 ? 1 : o.stride, Activation::none), {}, names);
  }
  pw_exp_ = ConvUnit(this, "pw_exp", {.in = o.in, .out = o.mid, .kernel = 1}, o.conv, names);
  if (o.mid_kernel > 0) {
    require_odd_kernel("UniversalBottleneck", "mid_kernel", o.mid_kernel);
    dw_mid_ = ConvUnit(this, "dw_mid", depthwise(o.mid, o.mid_kernel, o.stride, Activation::relu), {}, names);
  }
  pw_proj_ = ConvUnit(this, "pw_proj", {.in = o.mid, .out = o.out, .kernel = 1, .activation = Activation::none}, o.conv,
                      names);
  if (adds_input_) drop_path_ = drop_path_child(this, o.drop_path);
}

Tensor UniversalBottleneck::forward(const Tensor& x) {
  Tensor y = pw_exp_(dw_start_ ? dw_start_(x) : x);
  y = pw_proj_(dw_mid_ ? dw_mid_(y) : y);
  if (!adds_input_) return y;
  return (drop_path_ ? drop_path_(y) : y) + x;
}

MobileNetV4::MobileNetV4(const Options& o) {
  constexpr int64_t kHead = 1280, kStem = 32;
  if (!(o.width > 0)) fail_usage("MobileNetV4: width={}, but must be above 0", o.width);
  require_at_least("MobileNetV4", "stem_stride", o.stem_stride, 1);
  const auto scaled = [&](int64_t channels) { return make_divisible(static_cast<double>(channels) * o.width, 8); };
  const std::vector<Stage>& stages = o.variant == Variant::conv_small ? conv_small() : conv_medium();
  int64_t residual_blocks = 0, block = 0;
  for (const Stage& stage : stages)
    for (const Row& row : stage) residual_blocks += row.kind == kUniversal && row.stride == 1 ? 1 : 0;

  int64_t in = o.width < 1 ? kStem : scaled(kStem);
  stem_ = ConvUnit(this, {"conv_stem", "bn1"}, {.in = o.in_channels, .out = in, .stride = o.stem_stride, .first = true},
                   o.conv);
  blocks_ = Child<Sequential>(this, "blocks");
  for (const Stage& rows : stages) {
    Sequential& stage = blocks_->emplace<Sequential>();
    for (const Row& row : rows) {
      const int64_t out = scaled(row.out), mid = make_divisible(static_cast<double>(in) * row.expansion, 8);
      if (row.kind == kConv) {
        stage.add_made([&] {
          return make_conv_block({.in = in, .out = out, .kernel = row.mid, .stride = row.stride}, o.conv,
                                 {"conv", "bn1"});
        });
      } else if (row.kind == kFused) {
        stage.emplace<FusedBottleneck>(in, mid, row, out, o.conv);
      } else {
        const bool residual = row.stride == 1;
        stage.emplace<UniversalBottleneck>(UniversalBottleneck::Options{
            .in = in,
            .mid = mid,
            .out = out,
            .start_kernel = row.start,
            .mid_kernel = row.mid,
            .stride = row.stride,
            .drop_path = residual ? drop_path_of(o.drop_path, block++, residual_blocks) : 0,
            .conv = o.conv});
      }
      in = out;
    }
  }
  global_pool_ = Child<GlobalAvgPool>(this, "global_pool");
  head_ = ConvUnit(this, {"conv_head", "norm_head"}, {.in = in, .out = kHead, .kernel = 1}, o.conv);
  dropout_ = Child<Dropout>(this, "dropout", o.dropout);
  classifier_ = Child<Linear>(this, "classifier", Linear::Options{.in = kHead, .out = o.num_classes});
}

Tensor MobileNetV4::forward(const Tensor& x) {
  return classifier_(dropout_(flatten(head_(global_pool_(blocks_(stem_(x)))))));
}

ModulePtr build_mobilenet_v4(const ModelConfig& c) {
  return std::make_shared<MobileNetV4>(MobileNetV4::Options{
      .in_channels = c.in_channels,
      .num_classes = c.num_classes,
      .variant = c.variant == "conv_medium" ? MobileNetV4::Variant::conv_medium : MobileNetV4::Variant::conv_small,
      .width = c.width,
      .dropout = c.dropout,
      .drop_path = c.drop_path,
      .stem_stride = c.stem_stride,
      .conv = c.conv});
}

}  // namespace ghost
