// Dense 3×3 convolutions of stride 1 by Winograd's F(4×4, 3×3) (Lavin and Gray, arXiv 1509.09308): 36 products for 16
// outputs instead of 144. Its transforms cost digits: results differ from a direct sum by about 1e-5 of their size.
#pragma once
#include "core/kernels/conv2d.h"

namespace ghost {

// Whether this kernel can run the case: 3×3, stride 1, padding 1, dilation 1, one group.
bool conv2d_winograd_able(const Conv2dShape& s);
// Whether it is faster than the other kernels there.
bool conv2d_winograd_wins(const Conv2dShape& s);

template <class T>
StatisticsPtr conv2d_winograd_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                      const Array& z, bool statistics);
template <class T>
EpilogueResult conv2d_winograd_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                        const Conv2dSinks& sinks);

}  // namespace ghost
