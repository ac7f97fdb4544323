#pragma once
#include <vector>

#include "core/tensor.h"

namespace ghost {

// The undecimated Haar transform of each map (one level of Haar, 1910; without subsampling, Mallat, "A Wavelet Tour of
// Signal Processing", section 5.2), mixed: y(·, o) = Σ_k coefficient(o, k) · band_k(x(·, ⌊o/m⌋)). With the pixel a, its
// right neighbour b, and c, d below them, zero beyond the last row and column, the bands are
//   LL = (a + b + c + d)/2, LH = (a + b − c − d)/2, HL = (a − b + c − d)/2, HH = (a − b − c + d)/2:
// an orthonormal basis of all 2×2 kernels. The first letter is the filter along a row, the second along a column.
// x (N, H, W, C), coefficients (C·m, 4) → y (N, H, W, C·m). Throws Error if the
// sizes disagree.
Tensor haar_mix(const Tensor& x, const Tensor& coefficients);

}  // namespace ghost
