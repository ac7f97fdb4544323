// The definition of a convolution, as loops over finished values, summed in f64.
#pragma once
#include "core/kernels/conv2d.h"

namespace ghost {

template <class T>
StatisticsPtr conv2d_reference_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                       const Array& z, bool statistics);
template <class T>
EpilogueResult conv2d_reference_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight,
                                         const Gradient& gz, const Conv2dSinks& sinks);

}  // namespace ghost
