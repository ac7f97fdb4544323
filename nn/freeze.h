// Training a part of a model: fine-tuning with a fixed backbone.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"

namespace ghost {

// Freezes every parameter whose full name matches one of the patterns: it requires no gradient any more
// (Tensor::requires_grad), so it gets none, no optimizer state, and no update or weight decay. A batch norm whose
// weight and bias are both frozen uses its running statistics in training too and leaves them alone, as timm's freeze()
// does; dropout and everything else stay as they are. Call on the root, before the optimizer is built.
//
// Patterns are those of parameter_pattern.h.
//
// Throws UsageError, having frozen nothing, that lists every pattern that matches no parameter, with the nearest names;
// and if nothing would be left to train.
void freeze(Module& model, const std::vector<std::string>& patterns);

// Parameters that require a gradient, in order: what an optimizer works on.
std::vector<Parameter> trainable_parameters(const Module& model);

}  // namespace ghost
