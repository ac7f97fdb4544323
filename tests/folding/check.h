// Programs that are tried with transforms handed on and with transforms finished where they arise.
#pragma once
#include <gtest/gtest.h>

#include "core/ops/activation.h"
#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "support/programs.h"

namespace ghost::test {

using In = std::vector<Tensor>;

inline Tensor normalised(const Tensor& x, const Tensor& gamma, const Tensor& beta) {
  return batch_norm(x, gamma, beta, {});
}
inline Tensor conv_bn(const Tensor& x, const Tensor& w, const Tensor& gamma, const Tensor& beta,
                      const Conv2dOptions& o = {}) {
  return normalised(conv2d(x, w, {}, o), gamma, beta);
}
inline Tensor conv_bn_relu(const Tensor& x, const Tensor& w, const Tensor& gamma, const Tensor& beta,
                           const Conv2dOptions& o = {}) {
  return relu(conv_bn(x, w, gamma, beta, o));
}
constexpr Conv2dOptions same(int64_t kernel, int64_t stride = 1, int64_t groups = 1) {
  return {.stride = {stride, stride}, .padding = {kernel / 2, kernel / 2}, .groups = groups};
}

// Inputs are drawn one after the other from a stream of the program's own. Its seed is chosen so that no relu's input
// lies within the numeric step of its kink.
class Inputs {
 public:
  explicit Inputs(std::string name) : name_(std::move(name)) {}
  Inputs& normal(const Shape& shape, double mean = 0, double deviation = 1) {
    values.push_back(normal_tensor(shape, name_ + std::to_string(values.size()), mean, deviation));
    return *this;
  }
  Inputs& weight(const Shape& shape) { return normal(shape, 0, 0.5); }
  Inputs& gamma(int64_t channels) { return normal({channels}, 1, 0.2); }
  Inputs& beta(int64_t channels) { return normal({channels}, 0.3, 0.5); }
  std::vector<Tensor> values;

 private:
  std::string name_;
};

struct Tolerance {
  double numeric = 1e-6;
  double between = 1e-10;  // folded and plain take some sums in another order
};
inline void check(const Program& program, const Inputs& inputs, Tolerance tolerance = {}) {
  Outcome outcome[2];
  for (const bool fold : {false, true}) {
    SCOPED_TRACE(fold ? "folded" : "plain");
    const Folding setting(fold);
    const PoisonedMemory poison;
    expect_numeric_gradients(program, inputs.values, {.tolerance = tolerance.numeric});
    outcome[fold] = run(program, inputs.values);
    const Threads four(4);
    const Outcome threaded = run(program, inputs.values);
    EXPECT_EQ(threaded.y, outcome[fold].y);
    EXPECT_EQ(threaded.gradients, outcome[fold].gradients);
  }
  expect_close(outcome[true], outcome[false], tolerance.between);
}

}  // namespace ghost::test
