#pragma once
#include "nn/models/registry.h"

namespace ghost {

// Whether models of that name have parallel branches, which are one convolution each in a deployed network.
bool has_branches(const std::string& model_name);

// The network of `config`, which `trained` is, for inference: its branches are merged (nn/layers/merge.h), everything
// else is copied. It is that of the same configuration with `deployed`, has the data type of `trained` and is in
// evaluation mode; its logits are those of `trained` in evaluation but for rounding, about 1e-6 of the largest. Throws
// UsageError if the model has no branches or is deployed already.
ModulePtr deployed_network(Module& trained, ModelConfig config);

}  // namespace ghost
