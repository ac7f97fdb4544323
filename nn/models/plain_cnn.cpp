#include "nn/models/plain_cnn.h"

namespace ghost {

PlainCnn::PlainCnn(const Options& o) : stages_(this, "stages"), pool_(this, "pool") {
  if (o.channels.empty()) fail_usage("PlainCnn: channels is empty, but every stage needs a number");
  int64_t in = o.in_channels;
  for (const int64_t out : o.channels) {
    Sequential& stage = stages_->emplace<Sequential>();
    const bool first = &out == o.channels.data();
    stage.add_made([&] { return make_conv_block({.in = in, .out = out, .first = first}, o.conv); });
    stage.add_made([&] { return make_conv_block({.in = out, .out = out}, o.conv); });
    if (&out != &o.channels.back()) stage.emplace<MaxPool2d>(MaxPool2d::Options{});
    in = out;
  }
  fc_ = Child<Linear>(this, "fc", Linear::Options{.in = in, .out = o.num_classes});
}

}  // namespace ghost
