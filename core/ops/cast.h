// The same values of another floating type.
#pragma once
#include "core/op_case.h"
#include "core/tensor.h"

namespace ghost {

// y = x, rounded to nearest even where `dtype` is narrower; the gradient is converted back. x itself if it is of that
// type. Throws Error unless both are floating.
Tensor cast(const Tensor& x, DType dtype);

std::vector<OpCase> cast_cases();

}  // namespace ghost
