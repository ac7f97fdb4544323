#include "train/loop/arithmetic.h"

#include "core/body.h"

namespace ghost {

void set_arithmetic(const TrainConfig& train) {
  set_folding(train.fusion);
  set_numerics(train.numerics == "exact" ? Numerics::exact : Numerics::fast);
  set_activation_type(train.precision == "bf16" ? DType::bf16 : DType::f32);
}

ArithmeticScope::ArithmeticScope() : folding_(folding()), numerics_(numerics()), activations_(activation_type()) {}

ArithmeticScope::~ArithmeticScope() {
  set_folding(folding_);
  set_numerics(numerics_);
  set_activation_type(activations_);
}

}  // namespace ghost
