// Stochastic gradient descent with momentum (Sutskever et al., 2013), in PyTorch's form: weight decay joins the
// gradient before momentum, the first momentum step is not dampened, the rate is applied last.
#pragma once
#include "train/optim/fused.h"

namespace ghost {

struct SgdRule {
  double momentum = 0, dampening = 0;
  bool nesterov = false;
  static constexpr bool counts_steps = false, whole = false;

  std::vector<OptimizerSlot> slots() const { return {{.name = "momentum_buffer", .only_with_momentum = true}}; }

  // d = g + λp;  b ← b·m + (1 − dampening)·d (first: b ← d);  p ← p − lr·(nesterov ? d + m·b : b)
  template <class T>
  void update(const ElementRun<T>& run, const StepValues& values) const {
    const T scale = static_cast<T>(values.gradient_scale), decay = static_cast<T>(run.weight_decay);
    const T m = static_cast<T>(values.momentum), taken = run.fresh ? T{1} : static_cast<T>(1 - dampening);
    const T minus_lr = static_cast<T>(-values.lr);
    T* const p = run.p;
    const T* const g = run.g;
    if (values.momentum == 0) {
      for (int64_t i = 0; i < run.n; ++i) p[i] += (g[i] * scale + p[i] * decay) * minus_lr;
      return;
    }
    T* const b = run.slot[0];
    for (int64_t i = 0; i < run.n; ++i) {
      const T d = g[i] * scale + p[i] * decay;
      const T next = b[i] * m + d * taken;  // b is 0 before the first update
      b[i] = next;
      p[i] += (nesterov ? d + next * m : next) * minus_lr;
    }
  }
};

}  // namespace ghost
