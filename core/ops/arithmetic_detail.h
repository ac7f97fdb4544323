#pragma once
#include "core/tensor.h"

namespace ghost {

// add for shapes that differ (arithmetic.cpp); equal ones take the folding path of add.cpp.
Tensor broadcast_add(const Tensor& a, const Tensor& b);

}  // namespace ghost
