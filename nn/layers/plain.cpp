#include "nn/layers/plain.h"

namespace ghost {

Dropout::Dropout(double p) : p_(p) {
  if (!(p >= 0 && p < 1)) fail_usage("Dropout: p={}, but must lie in [0, 1)", p);
}

Tensor Dropout::forward(const Tensor& x) {
  if (!training() || p_ == 0) return x;
  return dropout(x, p_, StepScope::stream(kind(), path()));
}

}  // namespace ghost
