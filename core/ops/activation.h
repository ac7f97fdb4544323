// Element by element, any shape: x → y like x, f32 or f64. A NaN stays a NaN. Gradients at a kink are PyTorch's: 0
// except where stated.
#pragma once
#include "core/op_case.h"

namespace ghost {

Tensor relu(const Tensor& x);          // max(x, 0)
Tensor relu6(const Tensor& x);         // min(max(x, 0), 6)
Tensor hard_sigmoid(const Tensor& x);  // relu6(x + 3)/6 (GhostNet's gate)
// x · relu6(x + 3)/6 (Howard et al., arXiv 1905.02244); gradient −1/2 at −3 and 3/2 at 3
Tensor hardswish(const Tensor& x);
Tensor sigmoid(const Tensor& x);  // 1/(1 + e⁻ˣ)
Tensor silu(const Tensor& x);     // x · sigmoid(x) (Elfwing et al., arXiv 1702.03118)
// x · Φ(x), Φ: standard normal distribution (Hendrycks and Gimpel, arXiv 1606.08415); not the approximation by tanh
Tensor gelu(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor clamp(const Tensor& x, double lo, double hi);  // min(max(x, lo), hi); gradient 1 on [lo, hi]

std::vector<OpCase> relu_cases();

std::vector<OpCase> activation_cases();

}  // namespace ghost
