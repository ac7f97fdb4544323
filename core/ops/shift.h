#pragma once
#include <vector>

#include "core/tensor.h"

namespace ghost {

struct PixelOffset {
  int64_t y = 0, x = 0;  // down, to the right; either may be negative
};

// The shift operation (Wu et al., "Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions", arXiv
// 1711.08141, equation 4): y(n, i, j, o) = x(n, i + offset(o).y, j + offset(o).x, ⌊o/m⌋), zero where that lies outside.
// x (N, H, W, C), C·m offsets → y (N, H, W, C·m).
// Throws Error unless the number of offsets is a positive multiple of C.
Tensor shift(const Tensor& x, const std::vector<PixelOffset>& offsets);

}  // namespace ghost
