#pragma once
#include "nn/module.h"

namespace ghost {

// Stochastic depth (Huang et al., arXiv 1603.09382), on the residual branch of a block, before the sum: in training
// each image (or row) of x (N, …) is left out with probability p, and the others are multiplied by 1/(1 − p), drawn
// from the open StepScope's stream of this module's path; else y = x. timm's DropPath.
class DropPath final : public Module {
 public:
  explicit DropPath(double p);  // throws UsageError unless 0 ≤ p < 1
  const char* kind() const override { return "DropPath"; }
  double p() const { return p_; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  double p_;
};

// The probability of block `block` (0, 1, …) of `blocks`: from 0 in the first straight to `last` in the last, as timm
// has it; of a single block 0.
double drop_path_of(double last, int64_t block, int64_t blocks);

// Places a DropPath as child "drop_path" of a block, where p is not 0; else the child stays empty.
Child<DropPath> drop_path_child(Module* block, double p);

}  // namespace ghost
