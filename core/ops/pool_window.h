// What max_pool2d and avg_pool2d have in common: the checks of their options and where windows lie.
#pragma once
#include "core/ops/pool.h"

namespace ghost {

void check_pool_input(const char* op, const Tensor& x);  // throws Error unless x is (N, H, W, C)
// (N, H', W', C) of an input (N, H, W, C); throws as pool.h says.
Shape pool_output_shape(const char* op, const Shape& x, const PoolOptions& o);

// Which input pixel of one dimension tap u of output o reads; −1 lies in the padding.
struct PoolAxis {
  int64_t in, out, kernel, stride, padding, dilation;
  PoolAxis(const Shape& x, const Shape& y, const PoolOptions& o, int d)
      : in(x[d + 1]),
        out(y[d + 1]),
        kernel(o.kernel[static_cast<size_t>(d)]),
        stride(o.stride[static_cast<size_t>(d)]),
        padding(o.padding[static_cast<size_t>(d)]),
        dilation(o.dilation[static_cast<size_t>(d)]) {}
  int64_t source(int64_t o, int64_t u) const {
    const int64_t i = o * stride - padding + u * dilation;
    return i >= 0 && i < in ? i : -1;
  }
  // The output whose tap u reads input i; −1 if there is none.
  int64_t target(int64_t i, int64_t u) const {
    const int64_t start = i + padding - u * dilation;
    return start >= 0 && start % stride == 0 && start / stride < out ? start / stride : -1;
  }
};

}  // namespace ghost
