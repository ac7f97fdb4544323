#pragma once
#include <vector>

#include "core/tensor.h"

namespace ghost {

// Over these dimensions (may count from the end; empty: all). keepdim leaves sizes of 1.
Tensor sum(const Tensor& x, const std::vector<int>& dims = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const std::vector<int>& dims = {}, bool keepdim = false);

}  // namespace ghost
