#include "nn/models/ghost_frame.h"

#include "core/ops/shape_ops.h"

namespace ghost {

const std::vector<GhostNetRow>& ghostnet_table() {
  static const std::vector<GhostNetRow> table{
      {3, 16, 16, false, 1, true},     //
      {3, 48, 24, false, 2, true},     //
      {3, 72, 24, false, 1, true},     //
      {5, 72, 40, true, 2, true},      //
      {5, 120, 40, true, 1, true},     //
      {3, 240, 80, false, 2, true},    //
      {3, 200, 80, false, 1, false},   //
      {3, 184, 80, false, 1, false},   //
      {3, 184, 80, false, 1, false},   //
      {3, 480, 112, true, 1, false},   //
      {3, 672, 112, true, 1, true},    //
      {5, 672, 160, true, 2, true},    //
      {5, 960, 160, false, 1, false},  //
      {5, 960, 160, true, 1, false},   //
      {5, 960, 160, false, 1, false},  //
      {5, 960, 160, true, 1, true},    //
  };
  return table;
}

int64_t scaled_channels(int64_t channels, double width) {
  constexpr double kWidest = 1000;  // far beyond any memory, and far from overflow
  if (!(width > 0 && width <= kWidest))
    fail_usage("GhostNet: width={}, but must be above 0 and at most {}", width, kWidest);
  return make_divisible(static_cast<double>(channels) * width);
}

GhostFrame::GhostFrame(const Plan& plan) {
  constexpr int64_t kHead = 1280;
  const GhostNetOptions& o = plan.options;
  const auto scaled = [&](int64_t c) { return scaled_channels(c, o.width); };
  int64_t channels = scaled(16), index = 0;
  stem_ = ConvUnit(this, {"conv_stem", "bn1", "act1"},
                   {.in = o.in_channels, .out = channels, .stride = o.stem_stride, .first = true});
  blocks_ = Child<Sequential>(this, "blocks");
  bool starts_stage = true;
  Sequential* stage = nullptr;
  for (const GhostNetRow& row : plan.rows) {
    if (starts_stage) stage = &blocks_->emplace<Sequential>();
    plan.add_block(*stage, {.row = row,
                            .index = index,
                            .in = channels,
                            .mid = scaled(row.expansion),
                            .out = scaled(row.out),
                            .drop_path = drop_path_of(o.drop_path, index, std::ssize(plan.rows))});
    channels = scaled(row.out), starts_stage = row.ends_stage, index++;
  }
  const int64_t last = scaled(plan.rows.back().expansion * plan.last);
  blocks_->emplace<Sequential>().emplace<ConvBnAct>(ConvBlock{.in = channels, .out = last, .kernel = 1},
                                                    PartNames{"conv", "bn1"});
  global_pool_ = Child<GlobalAvgPool>(this, "global_pool");
  conv_head_ = Child<Conv2d>(this, "conv_head", Conv2d::Options{.in = last, .out = kHead, .bias = !plan.norm_head});
  if (plan.norm_head) bn_head_ = Child<BatchNorm2d>(this, "bn_head", BatchNorm2d::Options{.channels = kHead});
  act2_ = Child<ActivationLayer>(this, "act2", Activation::relu);
  dropout_ = Child<Dropout>(this, "dropout", o.dropout);
  classifier_ = Child<Linear>(this, "classifier", Linear::Options{.in = kHead, .out = o.num_classes});
}

Tensor GhostFrame::forward(const Tensor& x) {
  Tensor y = conv_head_(global_pool_(blocks_(stem_(x))));
  if (bn_head_) y = bn_head_(y);
  return classifier_(dropout_(flatten(act2_(y))));
}

}  // namespace ghost
