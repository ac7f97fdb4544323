// Weights whose axes are in another order than PyTorch's.
#pragma once
#include <string>
#include <vector>

#include "core/safetensors.h"

namespace ghost {

// If convolutions of the file would fit after one and the same permutation of their axes, and none contradicts it, what
// that permutation is and what to do: "the file is channels-last: …". Some entries of such a file fit by chance (square
// matrices, kernels as wide as they are deep), so it cannot be loaded in part. Empty: it is not so. `ours` and
// `entries` are matched by name; shapes in PyTorch's axes.
std::string other_axes(const std::vector<NamedTensor>& ours, const std::vector<NamedTensor>& entries);

}  // namespace ghost
