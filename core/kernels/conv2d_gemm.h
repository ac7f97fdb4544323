// Convolution as one matrix product over all pixels of the batch: columns (pixels, taps · channels) times weights. It
// needs the finished values, and columns nine times their size for a 3×3 kernel, but on small maps with many channels,
// where most taps of a row would read padding, a BLAS is fastest: 512 channels at 2×2. Not where there are no columns
// to make: pointwise convolutions of 1×1 maps are faster by rows.
#pragma once
#include "core/kernels/conv2d.h"

namespace ghost {

bool conv2d_gemm_wins(const Conv2dShape& s);

template <class T>
StatisticsPtr conv2d_gemm_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                  const Array& z, bool statistics);
template <class T>
EpilogueResult conv2d_gemm_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                    const Conv2dSinks& sinks);

}  // namespace ghost
