#include "nn/layers/conv2d.h"

#include "nn/init.h"

namespace ghost {

Conv2d::Conv2d(const Options& o) : options_(o) {
  require_at_least("Conv2d", "in", o.in, 1), require_at_least("Conv2d", "out", o.out, 1);
  require_at_least("Conv2d", "kernel", o.kernel, 1), require_at_least("Conv2d", "stride", o.stride, 1);
  require_at_least("Conv2d", "padding", o.padding, 0), require_at_least("Conv2d", "dilation", o.dilation, 1);
  require_groups("Conv2d", o.in, o.out, o.groups);
  const int64_t per_group = o.in / o.groups;
  const Initialiser initial = uniform_fan_in(o.kernel.h * o.kernel.w * per_group);
  weight_ =
      register_parameter("weight", {o.out, o.kernel.h, o.kernel.w, per_group}, o.dirac ? dirac(initial) : initial);
  if (o.bias) bias_ = register_parameter("bias", {o.out}, initial);
}

Conv2dOptions Conv2d::op_options() const {
  return {
      .stride = options_.stride, .padding = options_.padding, .dilation = options_.dilation, .groups = options_.groups};
}

Shape Conv2d::output_shape(const Shape& x) const { return conv2d_output_shape(x, weight_.shape(), op_options()); }

int64_t Conv2d::macs(const Shape&, const Shape& y) const { return y.pixels() * weight_.numel(); }

Tensor Conv2d::forward(const Tensor& x) { return conv2d(x, weight_, bias_, op_options()); }

}  // namespace ghost
