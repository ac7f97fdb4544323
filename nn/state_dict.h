// Exchange of values by name, in PyTorch's names, order and axes: conv weights are (O, I/groups, KH, KW) outside and
// (O, KH, KW, I/groups) inside; this file is the only place that converts.
#pragma once
#include "core/safetensors.h"
#include "nn/module.h"

namespace ghost {

// Parameters and buffers interleaved as PyTorch's state_dict() has them (per module: parameters, then buffers, then
// children in order). Clones.
std::vector<NamedTensor> state_dict(Module& module);

// The same entries as handles on the module's own tensors, in our axes.
std::vector<NamedTensor> state_tensors(Module& module);

struct LoadReport {  // full names
  std::vector<std::string> missing, unexpected, mismatched;
};
// Copies values in. strict: throws Error that lists every missing, unexpected and mismatched entry at once, each with
// the nearest name, and changes nothing. Not strict: loads what fits and reports the rest. Entries are matched by name.
// num_batches_tracked may be absent, and of any type as long as its value is a whole number.
LoadReport load_state_dict(Module& module, const std::vector<NamedTensor>& entries, bool strict = true);

// One tensor from PyTorch's axes to ours and back (4-D: OIHW ↔ OHWI, others as they are).
Tensor from_pytorch_axes(const Tensor& t);
Tensor to_pytorch_axes(const Tensor& t);

}  // namespace ghost
