// Floating-point numbers of 16 bits, which are widened when they are read.
#pragma once
#include <bit>
#include <cstdint>

namespace ghost {

// bfloat16: the upper half of a binary32
inline float from_bf16(uint16_t v) { return std::bit_cast<float>(uint32_t{v} << 16); }

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits
inline float from_f16(uint16_t v) {
  const uint32_t sign = uint32_t{v} >> 15 << 31, exponent = (v >> 10) & 31U, fraction = v & 1023U;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);
  if (exponent) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float subnormal = static_cast<float>(fraction) * 0x1p-24F;
  return sign ? -subnormal : subnormal;
}

}  // namespace ghost
