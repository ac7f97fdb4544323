// What tests of tensors share.
#pragma once
#include <functional>
#include <string>

#include "core/tensor.h"

namespace ghost::test {

// Values from U(−1, 1), the same for the same seed.
Tensor random_tensor(const Shape& shape, uint64_t seed, DType dtype = DType::f32);

// The message of the error that f throws; an empty one, and a failure of the test, if it throws none.
std::string error_of(const std::function<void()>& f);

double largest_difference(const Tensor& a, const Tensor& b);  // shapes must be equal
double largest_magnitude(const Tensor& t);

}  // namespace ghost::test
