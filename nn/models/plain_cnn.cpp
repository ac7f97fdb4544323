#include "nn/models/plain_cnn.h"

#include "core/ops/shape_ops.h"

namespace ghost {

PlainCnn::PlainCnn(const Options& o) : stages_(this, "stages"), pool_(this, "pool") {
  if (o.channels.empty()) fail_usage("PlainCnn: channels is empty, but every stage needs a number");
  int64_t in = o.in_channels;
  for (size_t i = 0; i < o.channels.size(); i++) {
    const int64_t out = o.channels[i];
    Sequential& stage = stages_->emplace<Sequential>();
    const auto add = [&](const ConvBlock& block) { stage.add_made([&] { return make_conv_block(block, o.conv); }); };
    add({.in = in, .out = out, .activation = o.activation, .first = i == 0});
    add({.in = out, .out = out, .activation = o.activation});
    if (i + 1 < o.channels.size()) stage.emplace<MaxPool2d>(MaxPool2d::Options{});
    in = out;
  }
  fc_ = Child<Linear>(this, "fc", Linear::Options{.in = in, .out = o.num_classes});
}

Tensor PlainCnn::forward(const Tensor& x) { return fc_(flatten(pool_(stages_(x)))); }

}  // namespace ghost
