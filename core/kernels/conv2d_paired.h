// Convolutions of values stored as bf16 by products of pairs (bf16_products.h): two channels at a time, or, for the
// weight's gradient, two pixels. Pointwise ones, and those of larger kernels that keep the size of the map. Weights,
// and values that a transform is pending on, are rounded to bf16 before.
#pragma once
#include "core/kernels/conv2d.h"

namespace ghost {

// The case is one of these, and the instruction set in use has such products.
bool conv2d_paired_able(const Conv2dShape& s);
bool conv2d_paired_wins(const Conv2dShape& s);

StatisticsPtr conv2d_paired_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                    const Array& z, bool statistics);
EpilogueResult conv2d_paired_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                      const Conv2dSinks& sinks);

}  // namespace ghost
