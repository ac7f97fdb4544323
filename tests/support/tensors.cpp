#include "support/tensors.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"

namespace ghost::test {

Tensor random_tensor(const Shape& shape, uint64_t seed, DType dtype) {
  RandomStream stream(seed, "test");
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& v : values) v = stream.uniform(-1, 1);
  return Tensor::from(values, shape).to(dtype);
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  const auto va = a.to_vector<double>(), vb = b.to_vector<double>();
  double worst = 0;
  for (size_t i = 0; i < std::min(va.size(), vb.size()); i++) {
    const double d = std::abs(va[i] - vb[i]);
    if (!(d <= worst)) worst = d;  // a NaN stays
  }
  return worst;
}

double largest_magnitude(const Tensor& t) { return largest_difference(t, Tensor::zeros(t.shape())); }

}  // namespace ghost::test
