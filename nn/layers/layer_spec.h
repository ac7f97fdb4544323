// A layer given as text, the way it would be constructed in Python: "GhostConv(32, 64, ratio=2)". Programs count such
// layers without a model around them.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"

namespace ghost {

struct LayerSpec {
  std::string kind;
  int64_t in_channels = 0;  // of the layer's input
  ModulePtr layer;          // not yet initialised
};

// Arguments come in their order or by name, as the notebooks and PyTorch name them. Values are numbers, True and False;
// there are no pairs. Throws UsageError if a layer or an argument does not exist, naming the nearest; if an argument is
// missing or of the wrong type; and if the layer refuses the sizes.
LayerSpec parse_layer(const std::string& text);

// "GhostConv(c_in, c_out, kernel_size=1, …)" of each layer that can be named.
std::vector<std::string> layer_signatures();

}  // namespace ghost
