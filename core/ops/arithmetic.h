// a ∘ b with NumPy's broadcasting: shapes are aligned at the last dimension and sizes of 1 repeat.
#pragma once
#include "core/tensor.h"

namespace ghost {

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);  // x (N, H, W, C) · gate (N, 1, 1, C): squeeze-excite
Tensor div(const Tensor& a, const Tensor& b);
Shape broadcast_shape(const Shape& a, const Shape& b, const char* op);  // throws Error if they do not fit

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }

}  // namespace ghost
