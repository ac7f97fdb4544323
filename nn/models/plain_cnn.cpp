#include "nn/models/plain_cnn.h"

namespace ghost {

PlainCnn::PlainCnn(const Options& o) : stages_(this, "stages"), pool_(this, "pool") {
  if (o.channels.empty()) fail_usage("PlainCnn: channels is empty, but every stage needs a number");
  int64_t in = o.in_channels;
  for (size_t i = 0; i < o.channels.size(); i++) {
    const int64_t out = o.channels[i];
    Sequential& stage = stages_->emplace<Sequential>();
    stage.add_made([&] { return make_conv_block({.in = in, .out = out, .first = i == 0}, o.conv); });
    stage.add_made([&] { return make_conv_block({.in = out, .out = out}, o.conv); });
    if (i + 1 < o.channels.size()) stage.emplace<MaxPool2d>(MaxPool2d::Options{});
    in = out;
  }
  fc_ = Child<Linear>(this, "fc", Linear::Options{.in = in, .out = o.num_classes});
}

}  // namespace ghost
