#pragma once
#include "core/tensor.h"

namespace ghost {

// y = x · weightᵀ + bias: x (…, I), weight (O, I), bias (O) or undefined → y (…, O)
// Throws Error if the sizes or types disagree.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace ghost
