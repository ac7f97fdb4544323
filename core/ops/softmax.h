#pragma once
#include "core/op_case.h"

namespace ghost {

Tensor softmax(const Tensor& x, int dim = -1);
Tensor log_softmax(const Tensor& x, int dim = -1);

std::vector<OpCase> softmax_cases();

}  // namespace ghost
