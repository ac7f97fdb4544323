#include "nn/layers/squeeze_excite.h"

namespace ghost {
namespace {

int64_t inner_channels(const SqueezeExcite::Options& o) {
  require_at_least("SqueezeExcite", "channels", o.channels, 1);
  require_at_least("SqueezeExcite", "divisor", o.divisor, 1);
  if (!(o.ratio > 0)) fail_usage("SqueezeExcite: ratio={}, but must be above 0", o.ratio);
  return make_divisible(static_cast<double>(o.channels) * o.ratio, o.divisor);
}

}  // namespace

Tensor apply_gate(Gate gate, const Tensor& v) { return gate == Gate::clip ? clamp(v, 0, 1) : hard_sigmoid(v); }

SqueezeExcite::SqueezeExcite(const Options& o)
    : gate_(o.gate),
      conv_reduce_(this, "conv_reduce", Conv2d::Options{.in = o.channels, .out = inner_channels(o)}),
      conv_expand_(this, "conv_expand", Conv2d::Options{.in = inner_channels(o), .out = o.channels}) {}

Tensor SqueezeExcite::forward(const Tensor& x) {
  return x * apply_gate(gate_, conv_expand_(relu(conv_reduce_(global_avg_pool(x)))));
}

}  // namespace ghost
