#pragma once
#include "core/ops/conv2d.h"
#include "nn/layers/checks.h"
#include "nn/module.h"

namespace ghost {

// x (N, H, W, in) → y (N, H', W', out); weight (out, KH, KW, in/groups), bias (out). See core/ops/conv2d.h.
class Conv2d final : public Module {
 public:
  struct Options {
    int64_t in = 0, out = 0;
    Size2 kernel = 1, stride = 1, padding = 0, dilation = 1;
    int64_t groups = 1;
    bool bias = true;
    bool dirac = false;  // at the start the first filters pass their channel on (nn/init.h)
  };
  explicit Conv2d(const Options& options);  // throws UsageError naming the nearest valid groups
  const char* kind() const override { return "Conv2d"; }
  const Options& options() const { return options_; }
  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  // undefined without one
  Shape output_shape(const Shape& x) const;     // throws Error as conv2d
  int64_t macs(const Shape& x, const Shape& y) const override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Conv2dOptions op_options() const;
  Options options_;
  Tensor weight_, bias_;
};

}  // namespace ghost
