#pragma once
#include "core/ops/linear.h"
#include "nn/module.h"

namespace ghost {

// y = x · weightᵀ + bias: x (…, in) → y (…, out); weight (out, in), bias (out).
class Linear final : public Module {
 public:
  struct Options {
    int64_t in = 0, out = 0;
    bool bias = true;
  };
  explicit Linear(const Options& options);
  const char* kind() const override { return "Linear"; }
  const Options& options() const { return options_; }
  int64_t macs(const Shape&, const Shape& y) const override { return y.numel() * options_.in; }

 protected:
  Tensor forward(const Tensor& x) override { return linear(x, weight_, bias_); }

 private:
  Options options_;
  Tensor weight_, bias_;
};

}  // namespace ghost
