// What tests of modules share.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"
#include "support/tensors.h"

namespace ghost::test {

int64_t parameter_count(const Module& module);
std::vector<std::string> entry_names(Module& module);  // of its state dict

// Shape of the result for an input of this shape, with initial values from seed 0.
Shape output_shape(Module& module, const Shape& x);

}  // namespace ghost::test
