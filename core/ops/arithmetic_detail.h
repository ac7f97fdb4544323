#pragma once
#include "core/kernels/kernel_choice.h"
#include "core/tensor.h"

namespace ghost {

// add for shapes that differ (arithmetic.cpp); equal ones take the folding path of add.cpp.
Tensor broadcast_add(const Tensor& a, const Tensor& b);

// What runs add (GHOST_ADD) and mul (GHOST_MUL). "broadcast" runs every case and is the definition: finished values,
// one pass for the result and one for each gradient. Before it comes "rows" for add of equal shapes, "channel_gate" for
// mul by a gate (N, 1, 1, C).
KernelChoice& add_kernels();
KernelChoice& mul_kernels();

// mul of x (N, H, W, C) by gate (N, 1, 1, C), in one pass each way; folds x's transform (channel_gate.cpp).
Tensor mul_by_channel_gate(const Tensor& x, const Tensor& gate);

}  // namespace ghost
