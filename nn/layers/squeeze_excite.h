#pragma once
#include "nn/layers/activation.h"
#include "nn/layers/conv2d.h"

namespace ghost {

// Squeeze and excitation (Hu et al., arXiv 1709.01507): y = x · gate(expand(activation(reduce(mean over H, W of x)))).
// x (N, H, W, channels) → y like x. Names conv_reduce, conv_expand (1×1 with bias), or those of the options.
class SqueezeExcite final : public Module {
 public:
  struct Options {
    int64_t channels = 0;
    double ratio = 0.25;  // inner channels: make_divisible(channels·ratio, divisor)
    int64_t divisor = 4;
    Activation activation = Activation::relu;
    Activation gate = Activation::hard_sigmoid;
    const char *reduce = "conv_reduce", *expand = "conv_expand";
  };
  explicit SqueezeExcite(const Options& options);
  const char* kind() const override { return "SqueezeExcite"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Activation activation_, gate_;
  Child<Conv2d> conv_reduce_, conv_expand_;
};

}  // namespace ghost
