#include "train/loop/arithmetic.h"

#include "core/body.h"

namespace ghost {

void set_arithmetic(const TrainConfig& train) {
  set_folding(train.fusion);
  set_numerics(train.numerics == "exact" ? Numerics::exact : Numerics::fast);
}

ArithmeticScope::ArithmeticScope() : folding_(folding()), numerics_(numerics()) {}

ArithmeticScope::~ArithmeticScope() {
  set_folding(folding_);
  set_numerics(numerics_);
}

}  // namespace ghost
