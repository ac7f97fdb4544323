// Numbers of 16 bits with the range of f32 and 8 bits of mantissa: how activations and their gradients may be stored.
// Nothing is computed in them: they are widened when they are read, and rounded when they are written.
#pragma once
#include <cstdint>

namespace ghost {

struct bf16 {  // NOLINT(readability-identifier-naming): a type of numbers, as float is
  uint16_t bits;
};

// What values stored as S are computed in.
template <class S>
struct ComputeOf {
  using type = S;
};
template <>
struct ComputeOf<bf16> {
  using type = float;
};
template <class S>
using Compute = typename ComputeOf<S>::type;

}  // namespace ghost
