// Vectors of GHOST_VECTOR_BYTES bytes. Only for the units in this folder, each of which is compiled for one instruction
// set: everything here has internal linkage, so that no unit exports code the linker could hand to another.
#pragma once
#include <cstdint>

#include "core/bf16.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

// Vector registers of the instruction set, which the register tiles are cut to.
#if defined(__x86_64__) && GHOST_VECTOR_BYTES < 64
#define GHOST_VECTOR_REGISTERS 16
#else
#define GHOST_VECTOR_REGISTERS 32
#endif

#define GHOST_INLINE inline __attribute__((always_inline))  // the attribute carries the unit's instruction set

namespace {

template <class T>
struct VectorOf {
  using type __attribute__((vector_size(GHOST_VECTOR_BYTES))) = T;
  using loose __attribute__((vector_size(GHOST_VECTOR_BYTES), aligned(alignof(T)), may_alias)) = T;
};
using ghost::bf16;
template <>
struct VectorOf<bf16> {
  using type = VectorOf<float>::type;  // what its elements are widened to
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr int kLanes = GHOST_VECTOR_BYTES / static_cast<int>(sizeof(T));

// Which lanes of a vector belong to the row: all of them, the lower half, or the first few. A masked access costs as
// much as that of a whole vector, one that crosses a line included; half a vector is cheaper.
struct All {};
struct LowerHalf {};
template <class T>
struct First {
  int count;  // 1 … kLanes
#if GHOST_VECTOR_BYTES == 64
  __mmask16 mask;
#elif GHOST_VECTOR_BYTES == 32
  __m256i mask;
#endif
};

template <class T>
GHOST_INLINE First<T> first_lanes(int64_t count) {
  First<T> l;
  l.count = static_cast<int>(count);
#if GHOST_VECTOR_BYTES == 64
  l.mask = static_cast<__mmask16>((1u << l.count) - 1);
#elif GHOST_VECTOR_BYTES == 32
  if (sizeof(T) == 4)
    l.mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(l.count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  else
    l.mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(l.count), _mm256_setr_epi64x(0, 1, 2, 3));
#endif
  return l;
}

template <class T>
GHOST_INLINE Vector<T> load(const T* p) {
  return *reinterpret_cast<const typename VectorOf<T>::loose*>(p);
}
template <class T>
GHOST_INLINE void store(T* p, Vector<T> v) {
  *reinterpret_cast<typename VectorOf<T>::loose*>(p) = v;
}
template <class T>
GHOST_INLINE Vector<T> splat(T x) {
  return x - Vector<T>{};
}

template <class T>
GHOST_INLINE Vector<T> load(const T* p, All) {
  return load(p);
}
template <class T>
GHOST_INLINE void store(T* p, Vector<T> v, All) {
  store(p, v);
}

#if GHOST_VECTOR_BYTES > 16
template <class T>
using HalfVector __attribute__((vector_size(GHOST_VECTOR_BYTES / 2), aligned(alignof(T)), may_alias)) = T;
template <class T>
GHOST_INLINE Vector<T> load(const T* p, LowerHalf) {
  using Half = HalfVector<T>;
  const Half v = *reinterpret_cast<const Half*>(p);
  if constexpr (kLanes<T> == 16)
    return __builtin_shufflevector(v, Half{}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  else if constexpr (kLanes<T> == 8)
    return __builtin_shufflevector(v, Half{}, 0, 1, 2, 3, 4, 5, 6, 7);
  else
    return __builtin_shufflevector(v, Half{}, 0, 1, 2, 3);
}
template <class T>
GHOST_INLINE void store(T* p, Vector<T> v, LowerHalf) {
  HalfVector<T>& to = *reinterpret_cast<HalfVector<T>*>(p);
  if constexpr (kLanes<T> == 16)
    to = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
  else if constexpr (kLanes<T> == 8)
    to = __builtin_shufflevector(v, v, 0, 1, 2, 3);
  else
    to = __builtin_shufflevector(v, v, 0, 1);
}
#endif

// Lanes beyond the count read as 0 and are not touched in memory.
#if GHOST_VECTOR_BYTES == 64
GHOST_INLINE Vector<float> load(const float* p, const First<float>& l) {
  return reinterpret_cast<Vector<float>>(_mm512_maskz_loadu_ps(l.mask, p));
}
GHOST_INLINE Vector<double> load(const double* p, const First<double>& l) {
  return reinterpret_cast<Vector<double>>(_mm512_maskz_loadu_pd(static_cast<__mmask8>(l.mask), p));
}
GHOST_INLINE void store(float* p, Vector<float> v, const First<float>& l) {
  _mm512_mask_storeu_ps(p, l.mask, reinterpret_cast<__m512>(v));
}
GHOST_INLINE void store(double* p, Vector<double> v, const First<double>& l) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>(l.mask), reinterpret_cast<__m512d>(v));
}
#elif GHOST_VECTOR_BYTES == 32
GHOST_INLINE Vector<float> load(const float* p, const First<float>& l) {
  return reinterpret_cast<Vector<float>>(_mm256_maskload_ps(p, l.mask));
}
GHOST_INLINE Vector<double> load(const double* p, const First<double>& l) {
  return reinterpret_cast<Vector<double>>(_mm256_maskload_pd(p, l.mask));
}
GHOST_INLINE void store(float* p, Vector<float> v, const First<float>& l) {
  _mm256_maskstore_ps(p, l.mask, reinterpret_cast<__m256>(v));
}
GHOST_INLINE void store(double* p, Vector<double> v, const First<double>& l) {
  _mm256_maskstore_pd(p, l.mask, reinterpret_cast<__m256d>(v));
}
#else
template <class T>
GHOST_INLINE Vector<T> load(const T* p, const First<T>& l) {
  if (l.count == kLanes<T>) return load(p);
  Vector<T> v = {};
  for (int i = 0; i < l.count; i++) v[i] = p[i];
  return v;
}
template <class T>
GHOST_INLINE void store(T* p, Vector<T> v, const First<T>& l) {
  if (l.count == kLanes<T>) return store(p, v);
  for (int i = 0; i < l.count; i++) p[i] = v[i];
}
#endif

// Lanes of two pixels (or tiles) of half a vector each, so many elements apart. They are loaded and stored as halves,
// which is faster than by masks.
template <class T>
struct TwoPixels {
  int64_t apart;
};
template <class T>
constexpr bool kTwoPixels = false;
#if GHOST_VECTOR_BYTES == 64
template <>
constexpr bool kTwoPixels<float> = true;
GHOST_INLINE Vector<float> load(const float* p, TwoPixels<float> two) {
  using Half = HalfVector<float>;
  const Half first = *reinterpret_cast<const Half*>(p), second = *reinterpret_cast<const Half*>(p + two.apart);
  return __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
GHOST_INLINE void store(float* p, Vector<float> v, TwoPixels<float> two) {
  using Half = HalfVector<float>;
  *reinterpret_cast<Half*>(p) = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
  *reinterpret_cast<Half*>(p + two.apart) = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
}
#endif
// The lanes of what both share, and of pixels of which two are `step` elements after the last two.
template <class T>
GHOST_INLINE TwoPixels<T> of_channels(TwoPixels<T>) {
  return {0};
}
template <class Lanes>
GHOST_INLINE Lanes of_channels(Lanes lanes) {
  return lanes;
}
template <class T>
GHOST_INLINE TwoPixels<T> of_pixels(TwoPixels<T>, int64_t step) {
  return {step / 2};
}
template <class Lanes>
GHOST_INLINE Lanes of_pixels(Lanes lanes, int64_t) {
  return lanes;
}

// bf16 is widened to vectors of floats and rounded to nearest even; a NaN stays one.
template <int Elements>
using Sixteens __attribute__((vector_size(2 * Elements), aligned(2), may_alias)) = uint16_t;
GHOST_INLINE Vector<float> widen(Sixteens<kLanes<float>> v) {
  return reinterpret_cast<Vector<float>>(__builtin_convertvector(v, Vector<uint32_t>) << 16);
}
GHOST_INLINE Sixteens<kLanes<float>> rounded(Vector<float> v) {
  const auto u = reinterpret_cast<Vector<uint32_t>>(v);
  const Vector<uint32_t> nearest = (u + (0x7FFF + (u >> 16 & 1))) >> 16;
  return __builtin_convertvector(v == v ? nearest : u >> 16 | 0x40, Sixteens<kLanes<float>>);
}
GHOST_INLINE Vector<float> load(const bf16* p) { return widen(*reinterpret_cast<const Sixteens<kLanes<float>>*>(p)); }
GHOST_INLINE void store(bf16* p, Vector<float> v) { *reinterpret_cast<Sixteens<kLanes<float>>*>(p) = rounded(v); }
GHOST_INLINE Vector<float> load(const bf16* p, All) { return load(p); }
GHOST_INLINE void store(bf16* p, Vector<float> v, All) { store(p, v); }
#if GHOST_VECTOR_BYTES > 16
GHOST_INLINE Sixteens<kLanes<float>> both_halves(Sixteens<kLanes<float> / 2> a, Sixteens<kLanes<float> / 2> b) {
#if GHOST_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
#endif
}
GHOST_INLINE Sixteens<kLanes<float> / 2> lower_half(Sixteens<kLanes<float>> v) {
#if GHOST_VECTOR_BYTES == 64
  return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return __builtin_shufflevector(v, v, 0, 1, 2, 3);
#endif
}
GHOST_INLINE Vector<float> load(const bf16* p, LowerHalf) {
  using Half = Sixteens<kLanes<float> / 2>;
  return widen(both_halves(*reinterpret_cast<const Half*>(p), Half{}));
}
GHOST_INLINE void store(bf16* p, Vector<float> v, LowerHalf) {
  *reinterpret_cast<Sixteens<kLanes<float> / 2>*>(p) = lower_half(rounded(v));
}
#endif
#if GHOST_VECTOR_BYTES == 64
GHOST_INLINE Vector<float> load(const bf16* p, const First<float>& l) {
  return widen(reinterpret_cast<Sixteens<16>>(_mm256_maskz_loadu_epi16(l.mask, p)));
}
GHOST_INLINE void store(bf16* p, Vector<float> v, const First<float>& l) {
  _mm256_mask_storeu_epi16(p, l.mask, reinterpret_cast<__m256i>(rounded(v)));
}
GHOST_INLINE Vector<float> load(const bf16* p, TwoPixels<float> two) {
  using Half = Sixteens<8>;
  return widen(both_halves(*reinterpret_cast<const Half*>(p), *reinterpret_cast<const Half*>(p + two.apart)));
}
GHOST_INLINE void store(bf16* p, Vector<float> v, TwoPixels<float> two) {
  const Sixteens<16> all = rounded(v);
  *reinterpret_cast<Sixteens<8>*>(p) = lower_half(all);
  *reinterpret_cast<Sixteens<8>*>(p + two.apart) = __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15);
}
#else
GHOST_INLINE Vector<float> load(const bf16* p, const First<float>& l) {
  if (l.count == kLanes<float>) return load(p);
  Sixteens<kLanes<float>> v = {};
  for (int i = 0; i < l.count; i++) v[i] = p[i].bits;
  return widen(v);
}
GHOST_INLINE void store(bf16* p, Vector<float> v, const First<float>& l) {
  const Sixteens<kLanes<float>> all = rounded(v);
  for (int i = 0; i < l.count; i++) p[i].bits = all[i];
}
#endif

// Prefetches what a loop comes to some 60 cache lines later. Processors fetch ahead on their own, but stop at pages and
// stay close. What is written is prefetched as well, since a line is read before it is written. Beyond the end of an
// array it does nothing.
constexpr int64_t kLinesAhead = 64, kBytesAhead = 64 * kLinesAhead;
GHOST_INLINE void fetch_ahead(const void* p, int64_t bytes = kBytesAhead) {
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>(bytes)));
}

// f(first channel, lanes) for each block of c channels.
template <class T, class F>
GHOST_INLINE void for_channels(int64_t c, F f) {
  int64_t i = 0;
  for (; i + kLanes<T> <= c; i += kLanes<T>) f(i, All{});
#if GHOST_VECTOR_BYTES > 16
  if (c - i == kLanes<T> / 2) return f(i, LowerHalf{});
#endif
  if (i < c) f(i, first_lanes<T>(c - i));
}

// A NaN stays a NaN, which max(v, low) and min(v, high) would lose.
template <class V>
GHOST_INLINE V at_least(V v, V low) {
  return low > v ? low : v;
}
template <class V>
GHOST_INLINE V at_most(V v, V high) {
  return high < v ? high : v;
}

}  // namespace
