// Numbers that two programs can make alike, so that inputs and whole models need not be stored:
// tests/golden/make_golden.py holds the same formulas in Python.
#pragma once
#include <string>

#include "core/tensor.h"

namespace ghost::reference {

// Uniform numbers u in [0, 1) from the tensor's name and the element's row-major index in PyTorch's axes.
double hashed_uniform(const std::string& name, int64_t index);

// An entry of a state dict: running_var and one-dimensional weights 0.5 + u; other one-dimensional entries
// (u − 0.5)/5; matrices and kernels (2u − 1)·√(3/fan_in); num_batches_tracked 0.
Tensor hashed_entry(const std::string& name, const Shape& pytorch_shape);
// "state_dict/<entry>" is that entry. Others are inputs: F32 4u − 2, I64 ⌊below·u⌋, U8 ⌊256u⌋. Throws Error on another
// dtype.
Tensor hashed_tensor(const std::string& name, const std::string& dtype, const Shape& shape, int64_t below);

}  // namespace ghost::reference
