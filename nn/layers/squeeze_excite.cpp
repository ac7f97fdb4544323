#include "nn/layers/squeeze_excite.h"

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/pool.h"

namespace ghost {
namespace {

int64_t inner_channels(const SqueezeExcite::Options& o) {
  require_at_least("SqueezeExcite", "channels", o.channels, 1);
  require_at_least("SqueezeExcite", "divisor", o.divisor, 1);
  if (!(o.ratio > 0)) fail_usage("SqueezeExcite: ratio={}, but must be above 0", o.ratio);
  return make_divisible(static_cast<double>(o.channels) * o.ratio, o.divisor);
}

}  // namespace

SqueezeExcite::SqueezeExcite(const Options& o)
    : activation_(o.activation),
      gate_(o.gate),
      conv_reduce_(this, o.reduce, Conv2d::Options{.in = o.channels, .out = inner_channels(o)}),
      conv_expand_(this, o.expand, Conv2d::Options{.in = inner_channels(o), .out = o.channels}) {}

Tensor SqueezeExcite::forward(const Tensor& x) {
  const Tensor inner = activate(conv_reduce_(global_avg_pool(x)), activation_);
  return x * activate(conv_expand_(inner), gate_);
}

}  // namespace ghost
