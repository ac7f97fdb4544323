// The fast kernel: rows of pixels through register tiles, in three stages that know nothing of each other.
//   stage    pixels are copied into a padded scratch, pending transforms are applied on the way
//   compute  one output row at a time is written (or added) to its place
//   epilogue while the row is in the nearest cache, its statistics or sums are taken
#pragma once
#include "core/kernels/conv2d.h"

namespace ghost {

template <class T>
StatisticsPtr conv2d_rows_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                  const Array& z, bool statistics);
template <class T>
EpilogueResult conv2d_rows_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                    const Conv2dSinks& sinks);

}  // namespace ghost
