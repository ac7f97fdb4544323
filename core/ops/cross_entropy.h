#pragma once
#include "core/tensor.h"

namespace ghost {

enum class Reduction { mean, sum, none };
struct CrossEntropyOptions {
  Tensor class_weight{};                  // (K), or undefined
  int64_t ignore_index = -100;            // hard labels with this value count nothing
  double label_smoothing = 0;             // target = (1 − s)·target + s/K, 0 ≤ s ≤ 1
  Reduction reduction = Reduction::mean;  // mean: over the weights of the counted samples, as PyTorch
};

// −Σ target · log_softmax(logits): logits (N, K); target i64 (N) labels, or floating (N, K) probabilities → scalar or
// (N) Throws Error naming sample and label if a label lies outside [0, K) and is not ignore_index.
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {});

}  // namespace ghost
