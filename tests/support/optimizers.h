// Parameters to train and gradients for them.
#pragma once
#include <string>
#include <vector>

#include "core/ops/arithmetic.h"
#include "support/modules.h"
#include "train/optim/optimizer.h"

namespace ghost::test {

inline Parameter parameter(const std::string& name, const Shape& shape, uint64_t seed, DType dtype = DType::f32) {
  Tensor t = random_tensor(shape, seed, dtype);
  t.set_requires_grad();
  return {name, t};
}

// A convolution's weight, a matrix, and two vectors.
inline std::vector<Parameter> some_parameters(DType dtype = DType::f32) {
  return {parameter("conv.weight", {6, 3, 5, 4}, 1, dtype), parameter("bn.weight", {6}, 2, dtype),
          parameter("bn.bias", {6}, 3, dtype), parameter("fc.weight", {5, 6}, 4, dtype)};
}

// Gives a parameter this gradient.
inline void give_gradient(const Parameter& p, const Tensor& gradient) {
  Tensor t = p.tensor;
  t.clear_grad();
  mul(t, Tensor::scalar(1, t.dtype())).backward(gradient);
}
inline void give_gradients(const std::vector<Parameter>& parameters, uint64_t seed) {
  for (const Parameter& p : parameters) give_gradient(p, random_tensor(p.tensor.shape(), ++seed, p.tensor.dtype()));
}

inline std::vector<std::vector<float>> values_of(const std::vector<Parameter>& parameters) {
  std::vector<std::vector<float>> all;
  all.reserve(parameters.size());
  for (const Parameter& p : parameters) all.push_back(p.tensor.to_vector<float>());
  return all;
}

inline OptimizerConfig named(const std::string& name) {
  for (const OptimizerEntry& entry : optimizer_table())
    if (entry.name == name) return entry.defaults;
  throw Error(name);
}

}  // namespace ghost::test
