#include "nn/layers/linear.h"

#include "nn/init.h"
#include "nn/layers/checks.h"

namespace ghost {

Linear::Linear(const Options& o) : options_(o) {
  require_at_least("Linear", "in", o.in, 1), require_at_least("Linear", "out", o.out, 1);
  weight_ = register_parameter("weight", {o.out, o.in}, uniform_fan_in(o.in));
  if (o.bias) bias_ = register_parameter("bias", {o.out}, uniform_fan_in(o.in));
}

}  // namespace ghost
