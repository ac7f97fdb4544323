// A layer as one would construct it in Python: "GhostConv(32, 64, ratio=2)". For counting without a model around it.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"

namespace ghost {

struct LayerSpec {
  std::string kind;
  int64_t in_channels = 0;  // that the layer takes
  ModulePtr layer;          // not yet initialised
};

// Arguments in their order or by name, as the notebooks and PyTorch name them; numbers, True and False; pairs are not
// needed here. Throws UsageError for a layer or an argument that does not exist, naming the nearest; for one that is
// missing or of the wrong type; and as the layer does for what does not fit.
LayerSpec parse_layer(const std::string& text);

// "GhostConv(c_in, c_out, kernel_size=1, …)" of each layer that can be named.
std::vector<std::string> layer_signatures();

}  // namespace ghost
