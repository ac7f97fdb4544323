#pragma once
#include "core/tensor.h"

namespace ghost {

Tensor softmax(const Tensor& x, int dim = -1);
Tensor log_softmax(const Tensor& x, int dim = -1);

}  // namespace ghost
