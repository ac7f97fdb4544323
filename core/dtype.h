#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/bf16.h"
#include "core/error.h"

namespace ghost {

// f32 for speed, f64 for proof, i64 for labels and counters, u8 for pixels; bf16 for activations and their gradients,
// which are computed in f32.
enum class DType : uint8_t { f32, f64, i64, u8, bf16 };

constexpr size_t size_of(DType t) {
  switch (t) {
    case DType::f32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::u8:
      return 1;
    default:
      return 8;
  }
}
constexpr const char* name_of(DType t) {
  switch (t) {
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::i64:
      return "i64";
    case DType::bf16:
      return "bf16";
    default:
      return "u8";
  }
}
constexpr bool is_floating(DType t) { return t == DType::f32 || t == DType::f64 || t == DType::bf16; }
// What values of this type are computed in, and what parameters and numbers per channel beside them are.
constexpr DType compute_type(DType t) { return t == DType::bf16 ? DType::f32 : t; }

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<bf16> {
  static constexpr DType value = DType::bf16;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

// Calls f.template operator()<T>() with T = float or double.
template <class F>
decltype(auto) with_floating(DType t, const char* op, F&& f) {
  if (t == DType::f32) return std::forward<F>(f).template operator()<float>();
  if (t == DType::f64) return std::forward<F>(f).template operator()<double>();
  fail("{}: works on f32 and f64 tensors, but got {}", op, name_of(t));
}

// The same with bf16 too: for what reads and writes values as they are stored, and computes in Compute<T>.
template <class F>
decltype(auto) with_storage(DType t, const char* op, F&& f) {
  if (t == DType::bf16) return std::forward<F>(f).template operator()<bf16>();
  if (t == DType::f32) return std::forward<F>(f).template operator()<float>();
  if (t == DType::f64) return std::forward<F>(f).template operator()<double>();
  fail("{}: works on f32, f64 and bf16 tensors, but got {}", op, name_of(t));
}

}  // namespace ghost
