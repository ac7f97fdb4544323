#pragma once
#include <optional>

#include "core/tensor.h"

namespace ghost {

struct BatchNormOptions {
  bool training = true;                  // normalise by the batch, update the running statistics; else use them
  std::optional<double> momentum = 0.1;  // running = (1 − m)·running + m·batch; empty: cumulative average
  double eps = 1e-5;
};
// Running statistics, (C) each, changed in place in training; all undefined: the batch is used in evaluation too.
struct RunningStatistics {
  Tensor mean, var;            // var: unbiased, n/(n−1)
  Tensor num_batches_tracked;  // i64, rank 0; may be undefined unless momentum is empty
};

// y = (x − mean)/√(var + eps) · weight + bias per channel (Ioffe and Szegedy, arXiv 1502.03167, alg. 1; biased var)
// x (…, C), weight and bias (C) or undefined → y like x
// Throws Error if a channel has a single value in training.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const RunningStatistics& running,
                  const BatchNormOptions& options = {});

}  // namespace ghost
