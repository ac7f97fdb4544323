// How a configuration wants its network computed. These settings hold for the whole process.
#pragma once
#include "core/numerics.h"
#include "train/config/config.h"

namespace ghost {

// Takes over train.fusion and train.numerics.
void set_arithmetic(const TrainConfig& train);

// Brings back at its end what was set at its start.
class ArithmeticScope {
 public:
  ArithmeticScope();
  ~ArithmeticScope();
  ArithmeticScope(const ArithmeticScope&) = delete;
  ArithmeticScope& operator=(const ArithmeticScope&) = delete;

 private:
  bool folding_;
  Numerics numerics_;
};

}  // namespace ghost
