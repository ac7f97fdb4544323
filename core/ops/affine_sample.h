#pragma once
#include <vector>

#include "core/tensor.h"

namespace ghost {

// Each channel's map seen through an affine map of its own (Jaderberg et al., "Spatial Transformer Networks", arXiv
// 1506.02025, equations 1 and 5; coordinates, zeros outside and align_corners=false as PyTorch's affine_grid and
// grid_sample). The centre of pixel (i, j) lies at x̂ = (2j + 1)/W − 1, ŷ = (2i + 1)/H − 1, both in (−1, 1);
// y(n, i, j, o) is x(n, ·, ·, ⌊o/m⌋), interpolated bilinearly, at (x̂', ŷ')ᵀ = θ(o)·(x̂, ŷ, 1)ᵀ.
// x (N, H, W, C), theta (C·m, 2, 3) → y (N, H, W, C·m). The gradient of theta
// jumps where a sample crosses a pixel's centre; it is that of the cell to the right and below. A θ that is not finite
// gives NaN. Throws Error if the sizes or types disagree.
Tensor affine_sample(const Tensor& x, const Tensor& theta);

}  // namespace ghost
