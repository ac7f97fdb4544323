// The feature maps that a network makes of pictures, layer by layer.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"

namespace ghost {

struct LayerMaps {
  std::string name;  // path of the module
  std::string kind;
  Tensor maps;  // (N, H, W, C)
  // Of a ghost layer: the first `intrinsic` maps come from the convolution, ghost j from intrinsic map
  // ⌊j·intrinsic/ghosts⌋. 0: an ordinary layer.
  int64_t intrinsic = 0, ghosts = 0;
  Tensor filters;  // (ghosts, d, d): the cheap kernels; undefined if there are none or the cheap operation has none
};

// Paths of the modules that are inspected by default, in order of registration: ghost layers, and convolutions that mix
// channels, with their batch norm and activation.
std::vector<std::string> map_layers(Module& model);

// Maps of the modules that match any of the patterns (`*` and `?`; empty: map_layers), from one call in evaluation mode
// on pictures (N, H, W, C); a module that is called more than once gives its last. Throws UsageError naming the nearest
// path for a pattern that matches no module, or only modules whose results are no maps.
std::vector<LayerMaps> layer_maps(Module& model, const Tensor& pictures, const std::vector<std::string>& patterns);

}  // namespace ghost
