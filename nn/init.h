// Initial values of parameters.
#pragma once
#include "nn/module.h"

namespace ghost {

Initialiser constant(double value);

// PyTorch's default for convolutions and linear layers, weight and bias alike: U(−b, b) with b = 1/√fan_in, which for
// the weight is kaiming_uniform with a = √5 (He et al., arXiv 1502.01852: b = √(6 / ((1 + a²)·fan_in))).
// fan_in: inputs of one output value, kernel area · in/groups.
Initialiser uniform_fan_in(int64_t fan_in);

// Of the weight of a convolution (O, KH, KW, I): filter i is 1 at the middle of channel i and 0 elsewhere, for i below
// min(O, I), as torch.nn.init.dirac_ has it with one group; the other filters are `rest`.
Initialiser dirac(Initialiser rest);

// Replaces the weight of every Conv2d by N(0, 2/fan_out) with fan_out = out · kernel area, PyTorch's count, which takes
// no account of groups (He et al., backward case). The stream is that of the parameter, as in initialise().
void kaiming_normal_fan_out(Module& model, uint64_t seed);

}  // namespace ghost
