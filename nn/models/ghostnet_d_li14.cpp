// The network of github.com/d-li14/ghostnet.pytorch, so that its published weights load by name.
#include "nn/models/ghostnet.h"

namespace ghost {
namespace {

// Squeeze and excitation with fully connected layers, fc.0 and fc.2, and the gate clipped to [0, 1].
class SELayer final : public Module {
 public:
  explicit SELayer(int64_t channels) : fc_(this, "fc") {
    constexpr int64_t kReduction = 4;
    fc_->emplace<Linear>(Linear::Options{.in = channels, .out = channels / kReduction});
    fc_->emplace<ReLU>();
    fc_->emplace<Linear>(Linear::Options{.in = channels / kReduction, .out = channels});
  }
  const char* kind() const override { return "SELayer"; }

 protected:
  Tensor forward(const Tensor& x) override { return x * apply_gate(Gate::clip, fc_(global_avg_pool(x))); }

 private:
  Child<Sequential> fc_;
};

Conv2d::Options depthwise(int64_t channels, int64_t kernel, int64_t stride) {
  return {.in = channels,
          .out = channels,
          .kernel = kernel,
          .stride = stride,
          .padding = kernel / 2,
          .groups = channels,
          .bias = false};
}

// Names conv.0 (ghost module), conv.1 (depthwise at stride 2), conv.2 (squeeze-excite), conv.3 (ghost module), and
// shortcut.{0 (depthwise 3×3, ReLU), 1, 2} when the stride or the channels change.
class DLi14Bottleneck final : public Module {
 public:
  DLi14Bottleneck(int64_t in, int64_t mid, int64_t out, const GhostNetRow& row, const std::string& cheap_op)
      : conv_(this, "conv") {
    conv_->emplace<GhostModule>(GhostModule::Options{.in = in, .out = mid, .cheap_op = cheap_op});
    if (row.stride == 1)
      conv_->add(nullptr);
    else
      conv_->emplace<ConvBn>(depthwise(mid, row.kernel, row.stride), false);
    if (row.squeeze_excite)
      conv_->emplace<SELayer>(mid);
    else
      conv_->add(nullptr);
    conv_->emplace<GhostModule>(GhostModule::Options{.in = mid, .out = out, .cheap_op = cheap_op, .relu = false});
    if (row.stride == 1 && in == out) return;
    shortcut_ = Child<Sequential>(this, "shortcut");
    shortcut_->emplace<ConvBn>(depthwise(in, 3, row.stride));
    shortcut_->emplace<Conv2d>(Conv2d::Options{.in = in, .out = out, .bias = false});
    shortcut_->emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = out});
  }
  const char* kind() const override { return "DLi14Bottleneck"; }

 protected:
  Tensor forward(const Tensor& x) override { return conv_(x) + (shortcut_ ? shortcut_(x) : x); }

 private:
  Child<Sequential> conv_, shortcut_;
};

}  // namespace

GhostNetDLi14::GhostNetDLi14(const GhostNetOptions& o)
    : features_(this, "features"), squeeze_(this, "squeeze"), classifier_(this, "classifier") {
  constexpr int64_t kHead = 1280;
  int64_t channels = scaled_channels(16, o.width), mid = 0;
  features_->emplace<ConvBn>(
      Conv2d::Options{.in = o.in_channels, .out = channels, .kernel = 3, .stride = o.stem_stride, .padding = 1});
  for (const GhostNetRow& row : ghostnet_table()) {
    const int64_t out = scaled_channels(row.out, o.width);
    mid = scaled_channels(row.expansion, o.width);
    features_->emplace<DLi14Bottleneck>(channels, mid, out, row, o.cheap_op);
    channels = out;
  }
  squeeze_->emplace<Conv2d>(Conv2d::Options{.in = channels, .out = mid, .bias = false});
  squeeze_->emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = mid});
  squeeze_->emplace<ReLU>();
  squeeze_->emplace<GlobalAvgPool>();
  classifier_->emplace<Linear>(Linear::Options{.in = mid, .out = kHead, .bias = false});
  classifier_->emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = kHead});
  classifier_->emplace<ReLU>();
  classifier_->emplace<Dropout>(o.dropout);
  classifier_->emplace<Linear>(Linear::Options{.in = kHead, .out = o.num_classes});
}

}  // namespace ghost
