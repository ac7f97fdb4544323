// What kernels may do to be fast, for the whole process.
#pragma once
#include "core/dtype.h"

namespace ghost {

// fast: also kernels that reach a sum of products by way of transforms, whose rounding is some ten times as large
// (Winograd's convolution: about 1e-5 of a result's size in f32). exact: only those that add up the products
// themselves.
enum class Numerics { fast, exact };

Numerics numerics();  // fast at first
void set_numerics(Numerics numerics);

// How activations and their gradients are stored: f32 at first, or bf16 (core/bf16.h). A convolution that makes a map
// of more than one pixel from f32 values stores it so, and what follows from that map is stored so too; a mean over
// images, and all that is made of it, is f32 again. f64 stays f64.
DType activation_type();
void set_activation_type(DType type);  // Throws Error unless it is f32 or bf16.

}  // namespace ghost
