#pragma once
#include "core/tensor.h"

namespace ghost {

// add for shapes that differ (arithmetic.cpp); equal ones take the folding path of add.cpp.
Tensor broadcast_add(const Tensor& a, const Tensor& b);

// mul of x (N, H, W, C) by gate (N, 1, 1, C), in one pass each way; folds x's transform (channel_gate.cpp).
Tensor mul_by_channel_gate(const Tensor& x, const Tensor& gate);

}  // namespace ghost
