// Every operator brings cases; one case serves the numeric gradient, the kernel comparison and the benchmark.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace ghost {

struct OpCase {
  std::string name;           // "k3_s2_g4"
  std::vector<Shape> inputs;  // of the differentiable inputs
  std::function<Tensor(const std::vector<Tensor>&)> run;
  double lo = -2, hi = 2;   // inputs are drawn uniformly from [lo, hi)
  double kink_margin = 0;   // > 0: inputs are moved away from multiples of 1/2 by this (relu, clamp, …)
  bool distinct = false;    // inputs are a permutation of evenly spaced values (max_pool: no near ties)
  int64_t activations = 1;  // so many of the first inputs may be stored as bf16 (the others are parameters)
  int64_t roundings = 1;    // of values on their way, where these are so stored
  bool piecewise = false;   // not differentiable in places: numeric gradient is taken where it exists
};

}  // namespace ghost
