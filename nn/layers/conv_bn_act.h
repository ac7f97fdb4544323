// Convolution, batch norm and activation: the unit that convolutional networks are made of.
#pragma once
#include <optional>
#include <string>

#include "nn/layers/activation.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"

namespace ghost {

// Sizes and options of such a unit, x (N, H, W, in) → y (N, H', W', out).
struct ConvBlock {
  int64_t in = 0, out = 0;
  Size2 kernel = 3, stride = 1;
  // Empty: dilation·⌊kernel/2⌋. With an odd kernel and stride 1 the result then has the size of the input.
  std::optional<Size2> padding = std::nullopt;
  Size2 dilation = 1;
  int64_t groups = 1;
  Activation activation = Activation::relu;
  bool first = false;  // the convolution reads the image
  bool bias = false;   // of the convolution; it changes nothing before a batch norm, but some published models have it
  double norm_eps = 1e-5, norm_momentum = 0.1;  // of the batch norm
};
Size2 padding_of(const ConvBlock& block);

// Names of the three parts in the module that holds them, e.g. {"conv1", "bn1"} in ResNet. If the activation has no
// name it is called as a function; else it is a module, which has no entry in a state dict either.
struct PartNames {
  std::string conv, norm, activation = {};
};

// The three parts as children of one module.
class ConvBnAct final : public Module {
 public:
  explicit ConvBnAct(const ConvBlock& block, const PartNames& names = {"0", "1", "2"});
  const char* kind() const override { return "ConvBnAct"; }

  // The parts, which another module may take over. The activation is null if it is none or has no name.
  const std::shared_ptr<Conv2d>& conv() const { return conv_; }
  const std::shared_ptr<BatchNorm2d>& norm() const { return norm_; }
  const std::shared_ptr<ActivationLayer>& activation() const { return act_; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Activation activation_;
  std::shared_ptr<Conv2d> conv_;
  std::shared_ptr<BatchNorm2d> norm_;
  std::shared_ptr<ActivationLayer> act_;
};

}  // namespace ghost
