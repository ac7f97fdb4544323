#include "nn/models/resnet.h"

#include <algorithm>
#include <numeric>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "nn/layers/drop_path.h"

namespace ghost {
namespace {

struct BlockOptions {
  int64_t in, channels, out, stride;
  int64_t width = 0, groups = 1;  // bottleneck: channels and groups of its 3×3
  ResNet::Shortcut shortcut;
  double drop_path = 0;
  const ConvChoice& conv;
};

// Shortcut A: every stride-th pixel, the new channels zero, half of them on each side. Without parameters.
class SubsampleAndPad final : public Module {
 public:
  SubsampleAndPad(int64_t stride, int64_t channels) : stride_(stride), channels_(channels) {}
  const char* kind() const override { return "SubsampleAndPad"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor y = stride_ == 1 ? x : slice(x, {{}, {.step = stride_}, {.step = stride_}});
    return channels_ == 0 ? y : pad(y, {.front = channels_ / 2, .back = channels_ - channels_ / 2});
  }

 private:
  int64_t stride_, channels_;
};

// y = relu(drop_path(residual(x)) + shortcut(x))
class ResidualBlock : public Module {
 protected:
  explicit ResidualBlock(const BlockOptions& o) : options_(o) {}
  void add_shortcut() {
    const BlockOptions& o = options_;
    drop_path_ = drop_path_child(this, o.drop_path);
    if (o.stride == 1 && o.in == o.out) return;
    if (o.shortcut == ResNet::Shortcut::A)
      pad_ = make_child<SubsampleAndPad>("shortcut", o.stride, o.out - o.in);
    else
      downsample_ =
          ConvUnit(this, "downsample",
                   {.in = o.in, .out = o.out, .kernel = 1, .stride = o.stride, .activation = Activation::none});
  }
  virtual Tensor residual(const Tensor& x) = 0;
  Tensor forward(const Tensor& x) override {
    Tensor y = residual(x);
    if (drop_path_) y = drop_path_(y);
    return relu(y + (downsample_ ? downsample_(x) : pad_ ? (*pad_)(x) : x));
  }

 private:
  BlockOptions options_;
  ConvUnit downsample_;
  Child<DropPath> drop_path_;
  std::shared_ptr<SubsampleAndPad> pad_;
};

class BasicBlock final : public ResidualBlock {
 public:
  explicit BasicBlock(const BlockOptions& o)
      : ResidualBlock(o),
        conv1_(this, {"conv1", "bn1"}, {.in = o.in, .out = o.out, .stride = o.stride}, o.conv),
        conv2_(this, {"conv2", "bn2"}, {.in = o.out, .out = o.out, .activation = Activation::none}, o.conv) {
    add_shortcut();
  }
  const char* kind() const override { return "BasicBlock"; }

 protected:
  Tensor residual(const Tensor& x) override { return conv2_(conv1_(x)); }

 private:
  ConvUnit conv1_, conv2_;
};

// 1×1 to fewer channels, 3×3 (stride and groups here, as torchvision and ResNeXt), 1×1 to four times as many.
class Bottleneck final : public ResidualBlock {
 public:
  explicit Bottleneck(const BlockOptions& o)
      : ResidualBlock(o),
        conv1_(this, {"conv1", "bn1"}, {.in = o.in, .out = o.width, .kernel = 1}, o.conv),
        conv2_(this, {"conv2", "bn2"}, {.in = o.width, .out = o.width, .stride = o.stride, .groups = o.groups}, o.conv),
        conv3_(this, {"conv3", "bn3"}, {.in = o.width, .out = o.out, .kernel = 1, .activation = Activation::none},
               o.conv) {
    add_shortcut();
  }
  const char* kind() const override { return "Bottleneck"; }

 protected:
  Tensor residual(const Tensor& x) override { return conv3_(conv2_(conv1_(x))); }

 private:
  ConvUnit conv1_, conv2_, conv3_;
};

}  // namespace

ResNet::ResNet(const Options& o) {
  const int64_t stem = o.channels.front();
  conv1_ = ConvUnit(
      this, {"conv1", "bn1"},
      {.in = o.in_channels, .out = stem, .kernel = o.large_stem ? 7 : 3, .stride = o.large_stem ? 2 : 1, .first = true},
      o.conv);
  if (o.large_stem)
    max_pool_ = Child<MaxPool2d>(this, "maxpool", MaxPool2d::Options{.kernel = 3, .stride = 2, .padding = 1});
  const bool bottleneck = o.block == Block::bottleneck;
  const int64_t all_blocks = std::accumulate(o.blocks.begin(), o.blocks.end(), int64_t{0});
  int64_t in = stem, done = 0;
  for (size_t i = 0; i < o.blocks.size(); i++) {
    Child<Sequential>& layer = layers_.emplace_back(this, "layer" + std::to_string(i + 1));
    for (int64_t k = 0; k < o.blocks[i]; k++) {
      const int64_t channels = o.channels[i], out = bottleneck ? 4 * channels : channels;
      const BlockOptions block{.in = in,
                               .channels = channels,
                               .out = out,
                               .stride = k == 0 && i > 0 ? 2 : 1,
                               .width = channels * o.width_per_group / 64 * o.groups,
                               .groups = o.groups,
                               .shortcut = o.shortcut,
                               .drop_path = drop_path_of(o.drop_path, done++, all_blocks),
                               .conv = o.conv};
      if (bottleneck)
        layer->emplace<Bottleneck>(block);
      else
        layer->emplace<BasicBlock>(block);
      in = out;
    }
  }
  pool_ = Child<GlobalAvgPool>(this, "avgpool");
  fc_ = Child<Linear>(this, "fc", Linear::Options{.in = in, .out = o.num_classes});
}

Tensor ResNet::forward(const Tensor& x) {
  Tensor y = conv1_(x);
  if (max_pool_) y = max_pool_(y);
  for (const Child<Sequential>& layer : layers_) y = layer(y);
  return fc_(flatten(pool_(y)));
}

ResNet::Options ResNet::of_depth(int64_t depth) {
  const std::vector<int64_t> imagenet{64, 128, 256, 512};
  switch (depth) {
    case 18:
      return {.blocks = {2, 2, 2, 2}, .channels = imagenet, .large_stem = true};
    case 34:
      return {.blocks = {3, 4, 6, 3}, .channels = imagenet, .large_stem = true};
    case 50:
      return {.block = Block::bottleneck, .blocks = {3, 4, 6, 3}, .channels = imagenet, .large_stem = true};
    case 101:
      return {.block = Block::bottleneck, .blocks = {3, 4, 23, 3}, .channels = imagenet, .large_stem = true};
    case 20:
    case 32:
    case 44:
    case 56:
    case 110:
      return {.blocks = std::vector<int64_t>(3, (depth - 2) / 6), .shortcut = Shortcut::A};
    default:
      fail_usage("ResNet: depth={}, but it is one of 20, 32, 44, 56, 110 (CIFAR) or 18, 34, 50, 101 (ImageNet)", depth);
  }
}

ResNet::Options ResNet::resnext(int64_t depth, int64_t groups, int64_t width_per_group) {
  require_at_least("ResNeXt", "cardinality", groups, 1);
  require_at_least("ResNeXt", "base_width", width_per_group, 1);
  Options o;
  if (depth == 29)
    o = {.block = Block::bottleneck, .blocks = {3, 3, 3}, .channels = {64, 128, 256}};
  else if (depth == 50 || depth == 101)
    o = of_depth(depth);
  else
    fail_usage("ResNeXt: depth={}, but it is one of 29 (CIFAR) or 50, 101 (ImageNet)", depth);
  o.groups = groups, o.width_per_group = width_per_group;
  return o;
}

}  // namespace ghost
