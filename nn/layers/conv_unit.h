// A ConvBlock under the names that an exchanged state dict needs. A model that holds its convolutions this way takes
// every choice of convolution and every activation.
#pragma once
#include "nn/layers/conv_choice.h"
#include "nn/sequential.h"

namespace ghost {

// A ConvBlock as a member of a module:
//
//   ConvUnit conv1_{this, {"conv1", "bn1"}, {.in = 64, .out = 64}, choice};   // conv1.weight, bn1.weight, …
//   ConvUnit stem_{this, "stem", {.in = 3, .out = 64}, choice};               // stem.0.weight, stem.1.weight, …
//   ConvUnit proj_{this, "proj", {.in = 3, .out = 64}, choice, {"conv", "bn"}};   // proj.conv.weight, proj.bn.weight,
//   …
//
// If the choice is not an ordinary convolution, its module stands under names.conv or `name`; the other names then do
// not occur.
class ConvUnit {
 public:
  ConvUnit() = default;  // no unit
  ConvUnit(Module* owner, const PartNames& names, const ConvBlock& block, const ConvChoice& choice = {});
  ConvUnit(Module* owner, const char* name, const ConvBlock& block, const ConvChoice& choice = {},
           const PartNames& names = {"0", "1", "2"});
  Tensor operator()(const Tensor& x) const;
  explicit operator bool() const { return conv_ != nullptr; }

 private:
  ModulePtr conv_, norm_, act_;               // norm_ null: conv_ is the whole block
  Activation activation_ = Activation::none;  // called as a function if act_ is null
};

// A ConvBlock in the next places of a Sequential, as torchvision's VGG has it: convolution, batch norm and, unless it
// is none, activation. A module that is not an ordinary convolution stands in the first place; the others are empty.
void add_conv_places(Sequential& to, const ConvBlock& block, const ConvChoice& choice = {});

}  // namespace ghost
