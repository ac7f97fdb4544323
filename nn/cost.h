// What a model costs, layer by layer, found by sending one input through it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nn/module.h"

namespace ghost {

// Learned numbers. Batch norm's scale and shift count; its running statistics do not.
struct ParameterCount {
  int64_t all = 0;
  int64_t trainable = 0;  // those that require a gradient
  int64_t norm = 0;       // scale and shift of batch norms
  int64_t linear = 0;     // of linear layers, bias included
  // All others: weights and biases of convolutions, and of what stands in for them.
  int64_t convolution() const { return all - norm - linear; }
  ParameterCount& operator+=(const ParameterCount& o);
};

// The cost of one module and of everything below it.
struct LayerCost {
  std::string name;  // path below the model, whose own is ""
  std::string kind;
  const Module* module = nullptr;  // as long as the model lives
  int depth = 0;                   // 0: the model
  int64_t calls = 0;               // 0: it took no part
  Shape input{}, output{};         // of the last call, batch dimension included; rank 0 if there was none
  ParameterCount parameters{};
  int64_t macs = 0;  // multiply-accumulates of convolutions and linear layers, for one image
  // Of a ghost layer whose last ghosts are cut off (GhostBase::dead()): these, and the parameters that only they have.
  int64_t dead_channels = 0, dead_parameters = 0;
};

struct NetworkCost {
  // The model, then its children in order of registration, each followed by its own.
  std::vector<LayerCost> layers;
  Tensor output;  // what the model gave
  const LayerCost& model() const { return layers.front(); }
};

// One call in evaluation mode and without gradients; the module's mode is restored. x (N, H, W, C), or what the module
// takes. Within ShapesOnly (core/shapes_only.h) all but the output's values is the same and takes no time. Throws Error
// as the module does.
NetworkCost measure_cost(Module& model, const Tensor& x);

}  // namespace ghost
