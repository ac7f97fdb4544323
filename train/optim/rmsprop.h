// RMSprop (Tieleman and Hinton, Coursera 2012) in two forms. PyTorch's divides by √v + ε and starts v at 0;
// TensorFlow's, which EfficientNet-like recipes mean, divides by √(v + ε), starts v at 1 and has the rate inside the
// momentum buffer.
#pragma once
#include <cmath>

#include "train/optim/fused.h"

namespace ghost {

struct RmspropRule {
  double momentum = 0, alpha = 0.99, eps = 1e-8;
  bool centered = false, tensorflow = false;
  static constexpr bool counts_steps = false, whole = false;

  std::vector<OptimizerSlot> slots() const {
    std::vector<OptimizerSlot> slots{{.name = "square_avg", .initial = tensorflow ? 1.0 : 0.0},
                                     {.name = "momentum_buffer", .only_with_momentum = true}};
    if (centered) slots.push_back({.name = "grad_avg"});
    return slots;
  }

  // v ← α·v + (1 − α)·d²;  w = v − ḡ² if centered (ḡ: running mean of d), else v;  u = d / (√w + ε) or d / √(w + ε)
  // PyTorch: b ← m·b + u, p ← p − lr·b;  TensorFlow: b ← m·b + lr·u, p ← p − b
  template <class T>
  void update(const ElementRun<T>& run, const StepValues& values) const {
    const T scale = static_cast<T>(values.gradient_scale), decay = static_cast<T>(run.weight_decay);
    const T a = static_cast<T>(alpha), rest = static_cast<T>(1 - alpha), epsilon = static_cast<T>(eps);
    const T m = static_cast<T>(values.momentum), lr = static_cast<T>(values.lr);
    const T in_buffer = tensorflow ? lr : T{1}, on_buffer = tensorflow ? T{1} : lr;
    const bool remembers = values.momentum != 0;
    T* const p = run.p;
    const T* const g = run.g;
    const auto [v, b, mean] = run.slot;
    for (int64_t i = 0; i < run.n; ++i) {
      const T d = g[i] * scale + p[i] * decay;
      T spread = v[i] = tensorflow ? v[i] + (d * d - v[i]) * rest : v[i] * a + rest * d * d;
      if (mean) {
        mean[i] = tensorflow ? mean[i] + (d - mean[i]) * rest : mean[i] * a + d * rest;
        spread -= mean[i] * mean[i];
        if (spread < 0) spread = 0;  // rounding; a NaN stays
      }
      const T root = tensorflow ? std::sqrt(spread + epsilon) : std::sqrt(spread) + epsilon;
      const T u = in_buffer * d / root;
      p[i] -= (remembers ? b[i] = b[i] * m + u : u) * on_buffer;
    }
  }
};

}  // namespace ghost
