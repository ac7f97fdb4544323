#include "nn/models/vgg.h"

#include <array>

#include "core/ops/shape_ops.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"

namespace ghost {
namespace {

// 3×3 convolutions of each stage (64, 128, 256, 512, 512 channels)
std::array<int, 5> stages_of(int64_t depth) {
  switch (depth) {
    case 11:
      return {1, 1, 2, 2, 2};
    case 13:
      return {2, 2, 2, 2, 2};
    case 16:
      return {2, 2, 3, 3, 3};
    case 19:
      return {2, 2, 4, 4, 4};
    default:
      fail_usage("Vgg: depth={}, but it is one of 11, 13, 16, 19", depth);
  }
}

}  // namespace

Vgg::Vgg(const Options& o) : features_(this, "features") {
  const bool imagenet = o.layout == Layout::imagenet;
  constexpr std::array<int64_t, 5> kChannels{64, 128, 256, 512, 512};
  const auto stages = stages_of(o.depth);
  int64_t in = o.in_channels;
  for (size_t i = 0; i < stages.size(); i++) {
    for (int k = 0; k < stages[i]; k++) {
      add_conv_places(*features_, {.in = in, .out = kChannels[i], .first = i == 0 && k == 0, .bias = imagenet}, o.conv);
      in = kChannels[i];
    }
    features_->emplace<MaxPool2d>(MaxPool2d::Options{});
  }
  const int64_t side = imagenet ? 7 : 1;
  pool_ = Child<AdaptiveAvgPool2d>(this, "avgpool", Size2(side));
  classifier_ = Child<Sequential>(this, "classifier");
  const int64_t hidden = imagenet ? 4096 : 512;
  const auto linear = [&](int64_t from, int64_t to) {
    classifier_->emplace<Linear>(Linear::Options{.in = from, .out = to});
  };
  linear(in * side * side, hidden);
  classifier_->emplace<ActivationLayer>(Activation::relu);
  if (imagenet) {
    classifier_->emplace<Dropout>(o.dropout);
    linear(hidden, hidden);
    classifier_->emplace<ActivationLayer>(Activation::relu);
    classifier_->emplace<Dropout>(o.dropout);
  }
  linear(hidden, o.num_classes);
}

Tensor Vgg::forward(const Tensor& x) { return classifier_(flatten(pool_(features_(x)))); }

}  // namespace ghost
