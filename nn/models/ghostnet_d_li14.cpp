// The network of github.com/d-li14/ghostnet.pytorch, so that its published weights load by name.
#include "core/ops/arithmetic.h"
#include "core/ops/pool.h"
#include "core/ops/shape_ops.h"
#include "nn/models/ghostnet.h"

namespace ghost {
namespace {

// Squeeze and excitation with fully connected layers, fc.0 and fc.2, and the gate clipped to [0, 1].
class SELayer final : public Module {
 public:
  explicit SELayer(int64_t channels) : fc_(this, "fc") {
    constexpr int64_t kReduction = 4;
    fc_->emplace<Linear>(Linear::Options{.in = channels, .out = channels / kReduction});
    fc_->emplace<ActivationLayer>(Activation::relu);
    fc_->emplace<Linear>(Linear::Options{.in = channels / kReduction, .out = channels});
  }
  const char* kind() const override { return "SELayer"; }

 protected:
  Tensor forward(const Tensor& x) override { return x * activate(fc_(global_avg_pool(x)), Activation::clip); }

 private:
  Child<Sequential> fc_;
};

ConvBlock depthwise(int64_t channels, int64_t kernel, int64_t stride, Activation activation) {
  return {.in = channels,
          .out = channels,
          .kernel = kernel,
          .stride = stride,
          .groups = channels,
          .activation = activation};
}

// Names conv.0 (ghost module), conv.1 (depthwise at stride 2), conv.2 (squeeze-excite), conv.3 (ghost module), and
// shortcut.{0 (depthwise 3×3, ReLU), 1, 2} when the stride or the channels change.
class DLi14Bottleneck final : public Module {
 public:
  DLi14Bottleneck(int64_t in, int64_t mid, int64_t out, const GhostNetRow& row, const std::string& cheap_op,
                  double drop_path)
      : conv_(this, "conv") {
    conv_->emplace<GhostModule>(GhostModule::Options{.in = in, .out = mid, .cheap_op = cheap_op});
    if (row.stride == 1)
      conv_->add(nullptr);
    else
      conv_->emplace<ConvBnAct>(depthwise(mid, row.kernel, row.stride, Activation::none));
    if (row.squeeze_excite)
      conv_->emplace<SELayer>(mid);
    else
      conv_->add(nullptr);
    conv_->emplace<GhostModule>(
        GhostModule::Options{.in = mid, .out = out, .cheap_op = cheap_op, .activation = Activation::none});
    drop_path_ = drop_path_child(this, drop_path);
    if (row.stride == 1 && in == out) return;
    shortcut_ = Child<Sequential>(this, "shortcut");
    shortcut_->emplace<ConvBnAct>(depthwise(in, 3, row.stride, Activation::relu));
    add_conv_places(*shortcut_, {.in = in, .out = out, .kernel = 1, .activation = Activation::none});
  }
  const char* kind() const override { return "DLi14Bottleneck"; }

 protected:
  Tensor forward(const Tensor& x) override {
    Tensor y = conv_(x);
    if (drop_path_) y = drop_path_(y);
    return y + (shortcut_ ? shortcut_(x) : x);
  }

 private:
  Child<Sequential> conv_, shortcut_;
  Child<DropPath> drop_path_;
};

}  // namespace

GhostNetDLi14::GhostNetDLi14(const GhostNetOptions& o)
    : features_(this, "features"), squeeze_(this, "squeeze"), classifier_(this, "classifier") {
  constexpr int64_t kHead = 1280;
  int64_t channels = scaled_channels(16, o.width), mid = 0;
  features_->emplace<ConvBnAct>(
      ConvBlock{.in = o.in_channels, .out = channels, .stride = o.stem_stride, .first = true});
  int64_t block = 0;
  for (const GhostNetRow& row : ghostnet_table()) {
    const int64_t out = scaled_channels(row.out, o.width);
    mid = scaled_channels(row.expansion, o.width);
    features_->emplace<DLi14Bottleneck>(channels, mid, out, row, o.cheap_op,
                                        drop_path_of(o.drop_path, block++, std::ssize(ghostnet_table())));
    channels = out;
  }
  add_conv_places(*squeeze_, {.in = channels, .out = mid, .kernel = 1});
  squeeze_->emplace<GlobalAvgPool>();
  classifier_->emplace<Linear>(Linear::Options{.in = mid, .out = kHead, .bias = false});
  classifier_->emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = kHead});
  classifier_->emplace<ActivationLayer>(Activation::relu);
  classifier_->emplace<Dropout>(o.dropout);
  classifier_->emplace<Linear>(Linear::Options{.in = kHead, .out = o.num_classes});
}

Tensor GhostNetDLi14::forward(const Tensor& x) { return classifier_(flatten(squeeze_(features_(x)))); }

}  // namespace ghost
