// What kernels may do to be fast, for the whole process.
#pragma once

namespace ghost {

// fast: also kernels that reach a sum of products by way of transforms, whose rounding is some ten times as large
// (Winograd's convolution: about 1e-5 of a result's size in f32). exact: only those that add up the products
// themselves.
enum class Numerics { fast, exact };

Numerics numerics();  // fast at first
void set_numerics(Numerics numerics);

}  // namespace ghost
