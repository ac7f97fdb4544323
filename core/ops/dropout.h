#pragma once
#include "core/rng.h"
#include "core/tensor.h"

namespace ghost {

// y = x · keep/(1 − p), keep drawn from the stream element by element in row-major order. p = 0 gives x.
// Throws Error unless 0 ≤ p < 1. (Srivastava et al., JMLR 2014)
Tensor dropout(const Tensor& x, double p, RandomStream stream);

}  // namespace ghost
