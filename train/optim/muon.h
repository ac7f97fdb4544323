// Muon: momentum, orthogonalised by Newton and Schulz (K. Jordan et al., kellerjordan.github.io/posts/muon, 2024), in
// the form of torch.optim.Muon. A weight is a matrix (O, rest): its first axis by all others.
#pragma once
#include "train/optim/fused.h"

namespace ghost {

struct MuonRule {
  double momentum = 0.95, eps = 1e-7;
  bool nesterov = true;
  int64_t ns_steps = 5;
  bool match_rms_adamw = false;  // the rate counts in the size of AdamW's updates (arXiv 2502.16982, section 2.2)
  static constexpr bool counts_steps = false, whole = true;

  std::vector<OptimizerSlot> slots() const { return {{.name = "momentum_buffer"}}; }

  // b ← m·b + (1 − m)·g;  u = nesterov ? m·b + (1 − m)·g : b;  p ← p·(1 − lr·λ) − lr·r·orthogonalised(u)
  // with r = √max(1, O / rest), or 0.2·√max(O, rest) to match AdamW.
  template <class T>
  void update(const ElementRun<T>& run, const StepValues& values) const;
};

// x (rows, columns) ← near to U·Vᵀ of x = U·Σ·Vᵀ, by `steps` times x ← a·x + (b·G + c·G²)·x, G = x·xᵀ, from x / ‖x‖ (at
// least eps). The coefficients are those of torch.optim.Muon: singular values end between 0.7 and 1.2. Products are in
// the precision of T, where PyTorch has bfloat16.
template <class T>
void orthogonalise(T* x, int64_t rows, int64_t columns, int64_t steps, double eps);

}  // namespace ghost
