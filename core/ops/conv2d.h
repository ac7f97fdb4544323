#pragma once
#include <array>
#include <optional>

#include "core/tensor.h"

namespace ghost {

struct Conv2dOptions {
  std::array<int64_t, 2> stride{1, 1};   // (height, width)
  std::array<int64_t, 2> padding{0, 0};  // zeros on each side: (top = bottom, left = right)
  std::array<int64_t, 2> dilation{1, 1};
  int64_t groups = 1;
};

// Size of one output dimension, floor((in + 2·padding − dilation·(kernel − 1) − 1) / stride) + 1; may be < 1.
int64_t conv2d_output_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation);
Shape conv2d_output_shape(const Shape& x, const Shape& weight, const Conv2dOptions& options);  // throws as conv2d

// y(n, i, j, o) = b(o) + Σ x(n, i·s + u·d − p, j·s + v·d − p, c) · w(o, u, v, c)
// x (N, H, W, C), weight (O, KH, KW, C/groups), bias (O) or undefined → y (N, H', W', O)
// Throws Error if C or O is not divisible by groups, if channels and weight disagree, or if an output size is < 1.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv2dOptions& options = {});

}  // namespace ghost
