// NaN and infinity: found at every step, traced to where they arose.
#pragma once
#include <string>

#include "core/error.h"
#include "nn/module.h"

namespace ghost {

// Thrown when the loss becomes NaN or infinite; what() says where that arose.
class NotFiniteError : public Error {
 public:
  using Error::Error;
};

bool all_finite(const Tensor& t);  // finished values; integers always are

const char* name_of_bad(double x);  // "NaN" or "infinite"

// Path of the first parameter that is not finite, or whose gradient is not ("" if there is none). Gradients are
// searched from the last parameter to the first, the order in which backward computes them.
std::string first_bad_parameter(const Module& model);
std::string first_bad_gradient(const Module& model);

// Where a loss that is not finite comes from, as a sentence's end: runs the batch again and names the first module with
// a finite input and a result that is not, e.g. "the first layer whose output is not finite is conv_stem (Conv2d), and
// its weight is not finite". Changes running statistics: for a run that stops.
std::string blame_forward(Module& model, const Tensor& images);

}  // namespace ghost
