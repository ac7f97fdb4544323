#pragma once
#include <string>

#include "nn/module.h"

namespace ghost {

// Path of the layer whose outputs are the classes: the last one, in order of registration, with a weight of two or more
// dimensions (a Linear, or a convolution used as one). "classifier", "fc", "classifier.6". Throws Error if there is
// none. Every model of the table registers its classifier last; your own must as well.
std::string classifier_of(Module& model);

}  // namespace ghost
