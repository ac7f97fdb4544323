// Layers without parameters that are neither activation nor pooling.
#pragma once
#include "nn/module.h"

namespace ghost {

// y = x
class Identity final : public Module {
 public:
  const char* kind() const override { return "Identity"; }

 protected:
  Tensor forward(const Tensor& x) override { return x; }
};

// x (N, …) → y (N, columns): an activation (N, H, W, C) in PyTorch's (C, H, W) order.
class Flatten final : public Module {
 public:
  const char* kind() const override { return "Flatten"; }

 protected:
  Tensor forward(const Tensor& x) override;
};

// In training y = x · keep/(1 − p), keep drawn from the open StepScope's stream of this module's path; else y = x.
class Dropout final : public Module {
 public:
  explicit Dropout(double p);  // throws UsageError unless 0 ≤ p < 1
  const char* kind() const override { return "Dropout"; }
  double p() const { return p_; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  double p_;
};

}  // namespace ghost
