#include "nn/layers/plain.h"

#include "core/error.h"
#include "core/ops/dropout.h"
#include "core/ops/shape_ops.h"

namespace ghost {

Tensor Flatten::forward(const Tensor& x) { return flatten(x); }

Dropout::Dropout(double p) : p_(p) {
  if (!(p >= 0 && p < 1)) fail_usage("Dropout: p={}, but must lie in [0, 1)", p);
}

Tensor Dropout::forward(const Tensor& x) {
  if (!training() || p_ == 0) return x;
  return dropout(x, p_, StepScope::stream(kind(), path()));
}

}  // namespace ghost
