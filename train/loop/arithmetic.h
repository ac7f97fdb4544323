// The settings of a configuration that say how its network is computed. They hold for the whole process.
#pragma once
#include "core/numerics.h"
#include "train/config/config.h"

namespace ghost {

// Takes over train.fusion, train.numerics and train.precision.
void set_arithmetic(const TrainConfig& train);

// Restores the settings at its end to what they were at its start.
class ArithmeticScope {
 public:
  ArithmeticScope();
  ~ArithmeticScope();
  ArithmeticScope(const ArithmeticScope&) = delete;
  ArithmeticScope& operator=(const ArithmeticScope&) = delete;

 private:
  bool folding_;
  Numerics numerics_;
  DType activations_;
};

}  // namespace ghost
