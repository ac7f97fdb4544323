#include "nn/layers/activation.h"

#include "core/error.h"
#include "core/nearest.h"
#include "core/ops/activation.h"

namespace ghost {
namespace {

Tensor unchanged(const Tensor& x) { return x; }
Tensor clip(const Tensor& x) { return clamp(x, 0, 1); }

const ActivationEntry& entry_of(Activation activation) {
  for (const ActivationEntry& e : activation_table())
    if (e.value == activation) return e;
  fail("activation: {} is not one of the table", static_cast<int>(activation));
}

}  // namespace

const std::vector<ActivationEntry>& activation_table() {
  static const std::vector<ActivationEntry> table{
      {Activation::none, "none", "Identity", "x", unchanged},
      {Activation::relu, "relu", "ReLU", "max(x, 0)", relu},
      {Activation::relu6, "relu6", "ReLU6", "min(max(x, 0), 6) (arXiv 1704.04861)", relu6},
      {Activation::hard_swish, "hard_swish", "Hardswish", "x · relu6(x + 3)/6 (arXiv 1905.02244)", hardswish},
      {Activation::silu, "silu", "SiLU", "x · sigmoid(x) (arXiv 1606.08415)", silu},
      {Activation::hard_sigmoid, "hard_sigmoid", "Hardsigmoid", "relu6(x + 3)/6 (arXiv 1905.02244)", hard_sigmoid},
      {Activation::clip, "clip", "Hardtanh", "min(max(x, 0), 1)", clip},
      {Activation::sigmoid, "sigmoid", "Sigmoid", "1/(1 + e⁻ˣ)", sigmoid},
  };
  return table;
}

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const ActivationEntry& e : activation_table()) names.push_back(e.name);
  return names;
}

Tensor activate(const Tensor& x, Activation activation) { return entry_of(activation).function(x); }

const std::string& name_of(Activation activation) { return entry_of(activation).name; }

Activation activation_named(const std::string& name, const std::string& option) {
  for (const ActivationEntry& e : activation_table())
    if (e.name == name) return e.value;
  fail_usage("{}: '{}' is not one of {}{}", option, name, any_of(activation_names()),
             did_you_mean(name, activation_names()));
}

ActivationLayer::ActivationLayer(Activation activation) : entry_(entry_of(activation)) {}

}  // namespace ghost
