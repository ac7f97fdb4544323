#include "nn/models/mobilenet_v3.h"

#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "nn/layers/squeeze_excite.h"
#include "nn/models/registry.h"

namespace ghost {
namespace {

struct Row {
  int64_t kernel, mid, out;
  bool squeeze_excite;
  Activation activation;
  int64_t stride;
};
constexpr Activation kRelu = Activation::relu, kSwish = Activation::hard_swish;

const std::vector<Row>& large() {
  static const std::vector<Row> rows{
      {3, 16, 16, false, kRelu, 1},   {3, 64, 24, false, kRelu, 2},   {3, 72, 24, false, kRelu, 1},
      {5, 72, 40, true, kRelu, 2},    {5, 120, 40, true, kRelu, 1},   {5, 120, 40, true, kRelu, 1},
      {3, 240, 80, false, kSwish, 2}, {3, 200, 80, false, kSwish, 1}, {3, 184, 80, false, kSwish, 1},
      {3, 184, 80, false, kSwish, 1}, {3, 480, 112, true, kSwish, 1}, {3, 672, 112, true, kSwish, 1},
      {5, 672, 160, true, kSwish, 2}, {5, 960, 160, true, kSwish, 1}, {5, 960, 160, true, kSwish, 1},
  };
  return rows;
}

const std::vector<Row>& small() {
  static const std::vector<Row> rows{
      {3, 16, 16, true, kRelu, 2},   {3, 72, 24, false, kRelu, 2},  {3, 88, 24, false, kRelu, 1},
      {5, 96, 40, true, kSwish, 2},  {5, 240, 40, true, kSwish, 1}, {5, 240, 40, true, kSwish, 1},
      {5, 120, 48, true, kSwish, 1}, {5, 144, 48, true, kSwish, 1}, {5, 288, 96, true, kSwish, 2},
      {5, 576, 96, true, kSwish, 1}, {5, 576, 96, true, kSwish, 1},
  };
  return rows;
}

// With this network's batch norm.
ConvBlock with_norm(ConvBlock block) {
  block.norm_eps = 1e-3, block.norm_momentum = 0.01;
  return block;
}

class Block final : public Module {
 public:
  struct Options {
    int64_t in, mid, out;
    const Row& row;
    double drop_path;
    ConvChoice conv;
  };
  explicit Block(const Options& o) : block_(this, "block"), adds_input_(o.row.stride == 1 && o.in == o.out) {
    const Activation activation = o.row.activation;
    const auto add = [&](const ConvBlock& block) {
      block_->add_made([&] { return make_conv_block(with_norm(block), o.conv); });
    };
    if (o.mid != o.in) add({.in = o.in, .out = o.mid, .kernel = 1, .activation = activation});
    add({.in = o.mid,
         .out = o.mid,
         .kernel = o.row.kernel,
         .stride = o.row.stride,
         .groups = o.mid,
         .activation = activation});
    if (o.row.squeeze_excite)
      block_->emplace<SqueezeExcite>(
          SqueezeExcite::Options{.channels = o.mid, .divisor = 8, .reduce = "fc1", .expand = "fc2"});
    add({.in = o.mid, .out = o.out, .kernel = 1, .activation = Activation::none});
    if (adds_input_) drop_path_ = drop_path_child(this, o.drop_path);
  }
  const char* kind() const override { return "InvertedResidual"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor y = block_(x);
    if (!adds_input_) return y;
    return x + (drop_path_ ? drop_path_(y) : y);
  }

 private:
  Child<Sequential> block_;
  Child<DropPath> drop_path_;
  bool adds_input_;
};

}  // namespace

MobileNetV3::MobileNetV3(const Options& o) : features_(this, "features") {
  if (!(o.width > 0)) fail_usage("MobileNetV3: width={}, but must be above 0", o.width);
  require_at_least("MobileNetV3", "stem_stride", o.stem_stride, 1);
  constexpr int64_t kStem = 16;
  const auto scaled = [&](int64_t channels) { return make_divisible(static_cast<double>(channels) * o.width, 8); };
  const std::vector<Row>& rows = o.variant == Variant::large ? large() : small();
  const auto adds_input = [&](const Row& row, int64_t in) { return row.stride == 1 && in == scaled(row.out); };
  int64_t in = scaled(kStem), residual_blocks = 0, block = 0;
  for (const Row& row : rows) residual_blocks += adds_input(row, in) ? 1 : 0, in = scaled(row.out);

  in = scaled(kStem);
  features_->add_made([&] {
    return make_conv_block(with_norm({.in = o.in_channels,
                                      .out = in,
                                      .stride = o.stem_stride,
                                      .activation = Activation::hard_swish,
                                      .first = true}),
                           o.conv);
  });
  for (const Row& row : rows) {
    features_->emplace<Block>(
        Block::Options{.in = in,
                       .mid = scaled(row.mid),
                       .out = scaled(row.out),
                       .row = row,
                       .drop_path = adds_input(row, in) ? drop_path_of(o.drop_path, block++, residual_blocks) : 0,
                       .conv = o.conv});
    in = scaled(row.out);
  }
  const int64_t last = 6 * in, hidden = scaled(o.variant == Variant::large ? 1280 : 1024);
  features_->add_made([&] {
    return make_conv_block(with_norm({.in = in, .out = last, .kernel = 1, .activation = Activation::hard_swish}),
                           o.conv);
  });
  pool_ = Child<GlobalAvgPool>(this, "avgpool");
  classifier_ = Child<Sequential>(this, "classifier");
  classifier_->emplace<Linear>(Linear::Options{.in = last, .out = hidden});
  classifier_->emplace<ActivationLayer>(Activation::hard_swish);
  classifier_->emplace<Dropout>(o.dropout);
  classifier_->emplace<Linear>(Linear::Options{.in = hidden, .out = o.num_classes});
}

Tensor MobileNetV3::forward(const Tensor& x) { return classifier_(flatten(pool_(features_(x)))); }

ModulePtr build_mobilenet_v3(const ModelConfig& c) {
  return std::make_shared<MobileNetV3>(
      MobileNetV3::Options{.in_channels = c.in_channels,
                           .num_classes = c.num_classes,
                           .variant = c.variant == "small" ? MobileNetV3::Variant::small : MobileNetV3::Variant::large,
                           .width = c.width,
                           .dropout = c.dropout,
                           .drop_path = c.drop_path,
                           .stem_stride = c.stem_stride,
                           .conv = c.conv});
}

}  // namespace ghost
