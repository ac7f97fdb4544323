// Pooling over (N, H, W, C). Options as in PyTorch; sizes are (height, width).
#pragma once
#include <array>

#include "core/tensor.h"

namespace ghost {

struct PoolOptions {
  std::array<int64_t, 2> kernel{2, 2}, stride{2, 2}, padding{0, 0}, dilation{1, 1};  // dilation: max_pool2d only
  bool ceil_mode = false;         // round sizes up; a last window that would start in the padding is dropped
  bool count_include_pad = true;  // avg_pool2d: the divisor counts padding, but not what lies beyond it
};
// Throws Error if padding exceeds half the kernel or an output size is < 1.
Tensor max_pool2d(const Tensor& x,
                  const PoolOptions& options = {});  // padding is −∞; ties: the first in row-major order
Tensor avg_pool2d(const Tensor& x, const PoolOptions& options = {});
Tensor adaptive_avg_pool2d(const Tensor& x, std::array<int64_t, 2> output_size);
Tensor global_avg_pool(const Tensor& x);  // (N, H, W, C) → (N, 1, 1, C)

}  // namespace ghost
