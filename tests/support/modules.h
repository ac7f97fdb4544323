// What tests of modules share.
#pragma once
#include <functional>
#include <string>

#include "nn/module.h"

namespace ghost::test {

int64_t parameter_count(const Module& module);
std::vector<std::string> entry_names(Module& module);  // of its state dict

// Values from U(−1, 1), the same for the same seed.
Tensor random_tensor(const Shape& shape, uint64_t seed, DType dtype = DType::f32);

// Shape of the result for an input of this shape, with initial values from seed 0.
Shape output_shape(Module& module, const Shape& x);

// The message of the error that f throws; an empty one, and a failure of the test, if it throws none.
std::string error_of(const std::function<void()>& f);

double largest_difference(const Tensor& a, const Tensor& b);  // shapes must be equal
double largest_magnitude(const Tensor& t);

}  // namespace ghost::test
