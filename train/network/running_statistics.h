// Whether the running statistics of batch norm have seen enough to be tested with.
#pragma once
#include <string>

#include "nn/module.h"

namespace ghost {

// A batch norm of momentum m that has seen n steps still consists to (1 − m)^n of the values it was born with, and
// evaluation uses that mixture: a network may be right in training and at chance in tests. Returns a sentence about the
// layer where this share is the largest, if it is above a quarter (n < 14 for m = 0.1), else nothing. Layers that have
// seen no step are passed over: their values are those of a file that does not count steps.
std::string young_statistics(Module& model);

}  // namespace ghost
