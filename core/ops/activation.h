// Element by element, any shape. Gradients at a kink are 0 except where stated.
#pragma once
#include "core/op_case.h"

namespace ghost {

Tensor relu(const Tensor& x);          // max(x, 0); a NaN stays a NaN
Tensor relu6(const Tensor& x);         // min(max(x, 0), 6)
Tensor hard_sigmoid(const Tensor& x);  // relu6(x + 3)/6 (GhostNet's gate)
Tensor hardswish(const Tensor& x);     // x · relu6(x + 3)/6
Tensor sigmoid(const Tensor& x);       // 1/(1 + e⁻ˣ)
Tensor silu(const Tensor& x);          // x · sigmoid(x)
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor clamp(const Tensor& x, double lo, double hi);  // gradient 1 on [lo, hi], as PyTorch

std::vector<OpCase> relu_cases();

std::vector<OpCase> activation_cases();

}  // namespace ghost
