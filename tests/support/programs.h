// Running small differentiable programs and comparing what they give.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/op_case.h"

namespace ghost::test {

using Program = std::function<Tensor(const std::vector<Tensor>&)>;

// Settings that end with their scope.
class Folding {
 public:
  explicit Folding(bool on);
  ~Folding();
  Folding(const Folding&) = delete;
  Folding& operator=(const Folding&) = delete;

 private:
  bool before_;
};
class Threads {
 public:
  explicit Threads(int n);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};
class PoisonedMemory {
 public:
  PoisonedMemory();
  ~PoisonedMemory();
  PoisonedMemory(const PoisonedMemory&) = delete;
  PoisonedMemory& operator=(const PoisonedMemory&) = delete;
};

// Values in [lo, hi) that f32 holds exactly, the same for the same name.
Tensor random_tensor(const Shape& shape, const std::string& name, double lo = -1, double hi = 1,
                     DType dtype = DType::f64);
// Normally distributed.
Tensor normal_tensor(const Shape& shape, const std::string& name, double mean = 0, double deviation = 1);
// The inputs of a case as it wants them drawn.
std::vector<Tensor> inputs_of(const OpCase& c, DType dtype = DType::f64);

// Copies that require gradients.
std::vector<Tensor> leaves_of(const std::vector<Tensor>& values);
// The gradient that `run` gives to a result of this shape.
Tensor upstream(const Shape& shape, DType dtype);

struct Outcome {
  std::vector<double> y;
  std::vector<std::vector<double>> gradients;  // of each input; empty if none arrived
};
// Forward from fresh leaves and backward from upstream().
Outcome run(const Program& program, const std::vector<Tensor>& inputs);
// What the leaves hold.
std::vector<std::vector<double>> gradients_of(const std::vector<Tensor>& leaves);

// max |a − b| ≤ tolerance · (1 + max |b|), per tensor; a NaN is different from everything.
void expect_close(const std::vector<double>& a, const std::vector<double>& b, double tolerance,
                  const std::string& what);
void expect_close(const Outcome& a, const Outcome& b, double tolerance);

struct NumericOptions {
  double tolerance = 1e-6;  // |analytic − numeric| ≤ tolerance · (1 + |numeric|)
  double h = 1e-5;
  int64_t most_elements = 40;  // of each input
  bool piecewise = false;      // skip where the slopes from both sides differ
};
// Central differences in f64 of ⟨result, upstream⟩.
void expect_numeric_gradients(const Program& program, const std::vector<Tensor>& inputs,
                              const NumericOptions& options = {});

}  // namespace ghost::test
