// An activation is a value, an option of a layer like any other. The functions are those of core/ops/activation.h.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"

namespace ghost {

enum class Activation { none, relu, relu6, hard_swish, silu, hard_sigmoid, clip, sigmoid };

struct ActivationEntry {
  Activation value;
  std::string name;  // in configurations: "hard_swish"
  const char* kind;  // PyTorch's class: "Hardswish"
  std::string summary;
  Tensor (*function)(const Tensor& x);  // element by element, any shape
};
const std::vector<ActivationEntry>& activation_table();
std::vector<std::string> activation_names();

Tensor activate(const Tensor& x, Activation activation);  // none: x itself
const std::string& name_of(Activation activation);
// Throws UsageError naming `option` and the nearest name if there is no such activation.
Activation activation_named(const std::string& name, const std::string& option = "activation");

// An activation as a module, for a place in a Sequential or a name in a state dict; its kind is that of the table.
class ActivationLayer final : public Module {
 public:
  explicit ActivationLayer(Activation activation);
  const char* kind() const override { return entry_.kind; }

 protected:
  Tensor forward(const Tensor& x) override { return entry_.function(x); }

 private:
  const ActivationEntry& entry_;
};

}  // namespace ghost
