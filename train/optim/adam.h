// Adam (Kingma and Ba, arXiv 1412.6980), with AMSGrad's maximum (Reddi et al., ICLR 2018) by option, and AdamW
// (Loshchilov and Hutter, arXiv 1711.05101), which shrinks the parameter instead of adding decay to the gradient.
#pragma once
#include <cmath>

#include "train/optim/fused.h"

namespace ghost {

struct AdamRule {
  double momentum = 0.9;  // β1
  double beta2 = 0.999, eps = 1e-8;
  bool amsgrad = false, decoupled_decay = false;
  static constexpr bool counts_steps = true, whole = false;

  std::vector<OptimizerSlot> slots() const {
    std::vector<OptimizerSlot> slots{{.name = "exp_avg"}, {.name = "exp_avg_sq"}};
    if (amsgrad) slots.push_back({.name = "max_exp_avg_sq"});
    return slots;
  }

  // m ← β1·m + (1 − β1)·d;  v ← β2·v + (1 − β2)·d²;  p ← p − lr/(1 − β1^t) · m / (√v / √(1 − β2^t) + ε)
  template <class T>
  void update(const ElementRun<T>& run, const StepValues& values) const {
    const double t = static_cast<double>(run.step), beta1 = values.momentum;
    const T scale = static_cast<T>(values.gradient_scale);
    const T decay = decoupled_decay ? T{0} : static_cast<T>(run.weight_decay);
    const T shrink = decoupled_decay ? static_cast<T>(1 - values.lr * run.weight_decay) : T{1};
    const T b1 = static_cast<T>(beta1), rest1 = static_cast<T>(1 - beta1);
    const T b2 = static_cast<T>(beta2), rest2 = static_cast<T>(1 - beta2), epsilon = static_cast<T>(eps);
    const T correction2 = static_cast<T>(std::sqrt(1 - std::pow(beta2, t)));
    const T minus_size = static_cast<T>(-values.lr / (1 - std::pow(beta1, t)));
    T* const p = run.p;
    const T* const g = run.g;
    const auto [m, v, highest] = run.slot;
    for (int64_t i = 0; i < run.n; ++i) {
      const T kept = p[i] * shrink, d = g[i] * scale + kept * decay;
      m[i] = m[i] * b1 + d * rest1;
      T second = v[i] = v[i] * b2 + rest2 * d * d;
      if (highest) second = highest[i] = highest[i] > second ? highest[i] : second;
      p[i] = kept + minus_size * m[i] / (std::sqrt(second) / correction2 + epsilon);
    }
  }
};

}  // namespace ghost
