// Floating-point numbers of 16 bits, which are widened when they are read. The one that values are also written in
// (core/bf16.h) is rounded to nearest even.
#pragma once
#include <bit>
#include <cstdint>

namespace ghost {

// bfloat16: the upper half of a binary32
inline float from_bf16(uint16_t v) { return std::bit_cast<float>(uint32_t{v} << 16); }

// The nearest; of two equally near the one whose last bit is 0. A NaN stays one, ∞ and what is beyond the largest
// become ∞.
inline uint16_t to_bf16(float v) {
  const auto u = std::bit_cast<uint32_t>(v);
  if (v != v) return static_cast<uint16_t>(u >> 16 | 0x40U);
  return static_cast<uint16_t>((u + 0x7FFFU + (u >> 16 & 1U)) >> 16);
}

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits
inline float from_f16(uint16_t v) {
  const uint32_t sign = uint32_t{v} >> 15 << 31, exponent = (v >> 10) & 31U, fraction = v & 1023U;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);
  if (exponent) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float subnormal = static_cast<float>(fraction) * 0x1p-24F;
  return sign ? -subnormal : subnormal;
}

}  // namespace ghost
