#pragma once
#include <array>

#include "core/tensor.h"

namespace ghost {

// Nearest neighbour, as PyTorch's interpolate(mode="nearest"): y(n, i, j, c) = x(n, ⌊i·H/H'⌋, ⌊j·W/W'⌋, c), the
// products in f32. x (N, H, W, C), output_size {H', W'} → y (N, H', W', C); x itself if the sizes agree. Throws Error
// if x is not (N, H, W, C) or one of the sizes is below 1.
Tensor resize_nearest(const Tensor& x, std::array<int64_t, 2> output_size);

// x · resize_nearest(gate, {H, W}), without the resized gate in memory: attention at a lower resolution.
// x (N, H, W, C), gate (N, H', W', C) → y like x. Throws Error if the images or channels differ.
Tensor mul_nearest(const Tensor& x, const Tensor& gate);

}  // namespace ghost
