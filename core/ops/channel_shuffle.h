#pragma once
#include "core/tensor.h"

namespace ghost {

// The channels of `groups` equal runs in turn (Zhang et al., ShuffleNet, arXiv 1707.01083, section 3.1), as PyTorch's
// channel_shuffle: y(…, j·groups + g) = x(…, g·C/groups + j). x (…, C) → y like x. What is pending goes along.
// Throws Error unless groups divides C.
Tensor channel_shuffle(const Tensor& x, int64_t groups);

}  // namespace ghost
