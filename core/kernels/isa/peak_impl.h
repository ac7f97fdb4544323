// The most multiplications and additions per second that an instruction set gives: what bench/ holds the other kernels
// against.
//   acc[i] = acc[i] · a + b,  i < 12 vectors, `rounds` times
// All operands stay in registers and the chains do not wait for each other: 12 of them cover two units with a latency
// of six cycles, and with a and b they fill 14 of the 16 registers of the smaller sets. It stands among the kernels
// because only they are compiled for the instruction set that is chosen at start.
#pragma once
#include "core/kernels/isa/vector.h"

namespace {

constexpr int kPeakChains = 12;

// Floating-point operations of one round.
template <class T>
constexpr int64_t peak_flops() {
  return int64_t{2} * kPeakChains * kLanes<T>;
}

template <class T>
__attribute__((noinline)) void peak_rounds(T* out, int64_t rounds) {
  // a below 1, and not known to the compiler: the sums run to a small constant, never to infinities or denormals.
  const Vector<T> a = load(out), b = splat(T(1));
  Vector<T> acc[kPeakChains];
#pragma GCC unroll 12
  for (int i = 0; i < kPeakChains; i++) acc[i] = splat(static_cast<T>(i));
  for (int64_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
    for (int i = 0; i < kPeakChains; i++) acc[i] = acc[i] * a + b;
  Vector<T> sum = {};
#pragma GCC unroll 12
  for (int i = 0; i < kPeakChains; i++) sum += acc[i];
  store(out, sum);
}

}  // namespace
