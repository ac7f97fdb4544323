// The functions that a transform may end with (RowFunction), for vectors. Results do not depend on the lane.
// f32 computes exp itself, within about one unit in the last place; f64 is for proof and asks the C library lane by
// lane, as f32 does for what is rarely wanted.
#pragma once
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::RowFunction;

template <class T, class F>
__attribute__((noinline)) Vector<T> by_lane(Vector<T> v, F f) {
  T lane[kLanes<T>];
  store(lane, v);
#pragma GCC unroll 1
  for (int i = 0; i < kLanes<T>; i++) lane[i] = f(lane[i]);
  return load(lane);
}

using Integers = Vector<int32_t>;
GHOST_INLINE Vector<float> power_of_two(Integers k) {
  return reinterpret_cast<Vector<float>>((k + splat<int32_t>(127)) << 23);
}

// eˣ = 2ⁿ · eʳ, n = x/ln 2 rounded, |r| ≤ ln 2 / 2; eʳ by its Taylor series, whose next term is below 2⁻²⁷. 2ⁿ comes in
// two factors, so that results down to the smallest denormal number and up to the largest number are right.
GHOST_INLINE Vector<float> exponential(Vector<float> x) {
  constexpr float kShift = 12582912;  // 1.5 · 2²³: a sum with it has no digits after the point
  x = at_most(at_least(x, splat(-105.0F)), splat(89.0F));
  const Vector<float> shifted = x * splat(1.442695041F) + splat(kShift), n = shifted - splat(kShift);
  // ln 2 in two parts, of which the first has so few digits that n times it is exact
  const Vector<float> r = (x - n * splat(0.693359375F)) + n * splat(2.12194440e-4F);
  Vector<float> p = splat(1.0F / 5040);
  p = p * r + splat(1.0F / 720);
  p = p * r + splat(1.0F / 120);
  p = p * r + splat(1.0F / 24);
  p = p * r + splat(1.0F / 6);
  p = p * r + splat(0.5F);
  p = p * r + splat(1.0F);
  p = p * r + splat(1.0F);
  const Integers k = reinterpret_cast<Integers>(shifted) - splat<int32_t>(0x4b400000), half = k >> 1;
  return p * power_of_two(half) * power_of_two(k - half);
}
GHOST_INLINE Vector<double> exponential(Vector<double> x) {
  return by_lane<double>(x, [](double v) { return __builtin_exp(v); });
}

// 1/(1 + e⁻ˣ), and 1 less that, of an exponential that cannot overflow.
template <class T>
struct Logistic {
  Vector<T> value, rest;
};
template <class T>
GHOST_INLINE Logistic<T> logistic(Vector<T> x) {
  const Vector<T> zero = {}, one = splat(T(1)), e = exponential(x < zero ? x : -x), share = one / (one + e);
  return {x < zero ? e * share : share, x < zero ? share : e * share};
}

// Φ(x), the share of a standard normal distribution below x, and its density.
template <class T>
struct Normal {
  Vector<T> below, density;
};
GHOST_INLINE Normal<float> normal(Vector<float> x) {
  const Vector<float> zero = {}, one = splat(1.0F), a = x < zero ? -x : x;
  const Vector<float> e = exponential(x * x * splat(-0.5F));
  // Φ(−a)·exp(a²/2) for 0 ≤ a ≤ 14.5 as a polynomial in t = 1/(1 + 0.3·a), fitted to a relative error of 1e-7
  const Vector<float> t = one / (one + a * splat(0.3F));
  Vector<float> p = splat(0.005001962947F);
  p = p * t + splat(0.01291124736F);
  p = p * t + splat(-0.1134243911F);
  p = p * t + splat(0.1600156352F);
  p = p * t + splat(-0.02424379174F);
  p = p * t + splat(0.1170955162F);
  p = p * t + splat(0.1025811907F);
  p = p * t + splat(0.12041545F);
  p = p * t + splat(0.1196472273F);
  const Vector<float> tail = p * t * e;
  return {x < zero ? tail : one - tail, e * splat(0.3989422804F)};
}
GHOST_INLINE Normal<double> normal(Vector<double> x) {
  return {by_lane<double>(x, [](double v) { return 0.5 * __builtin_erfc(v * -0.70710678118654752440); }),
          exponential(x * x * splat(-0.5)) * splat(0.39894228040143267794)};
}

GHOST_INLINE float natural_log(float v) { return __builtin_logf(v); }
GHOST_INLINE double natural_log(double v) { return __builtin_log(v); }
GHOST_INLINE float root(float v) { return __builtin_sqrtf(v); }
GHOST_INLINE double root(double v) { return __builtin_sqrt(v); }

// value(x), and the slope as a function of x or, where RowFunction says so, of the value.
template <RowFunction F>
struct Function;

template <>
struct Function<RowFunction::hard_sigmoid> {
  template <class T>
  static GHOST_INLINE Vector<T> value(Vector<T> x) {
    return at_most(at_least(x + splat(T(3)), Vector<T>{}), splat(T(6))) / splat(T(6));
  }
  template <class T>
  static GHOST_INLINE Vector<T> slope(Vector<T> x) {
    return (x > splat(T(-3))) & (x < splat(T(3))) ? splat(T(1) / 6) : Vector<T>{};
  }
};
template <>
struct Function<RowFunction::hardswish> {
  template <class T>
  static GHOST_INLINE Vector<T> value(Vector<T> x) {
    return x * (at_most(at_least(x + splat(T(3)), Vector<T>{}), splat(T(6))) * splat(T(1) / 6));
  }
  template <class T>
  static GHOST_INLINE Vector<T> slope(Vector<T> x) {
    const Vector<T> inner = x * splat(T(1) / 3) + splat(T(0.5)), upper = x <= splat(T(3)) ? inner : splat(T(1));
    return x < splat(T(-3)) ? Vector<T>{} : upper;
  }
};
template <>
struct Function<RowFunction::silu> {
  template <class T>
  static GHOST_INLINE Vector<T> value(Vector<T> x) {
    return x * logistic<T>(x).value;
  }
  template <class T>
  static GHOST_INLINE Vector<T> slope(Vector<T> x) {
    const Logistic<T> s = logistic<T>(x);
    return s.value * (splat(T(1)) + x * s.rest);
  }
};
template <>
struct Function<RowFunction::gelu> {
  template <class T>
  static GHOST_INLINE Vector<T> value(Vector<T> x) {
    return x * normal(x).below;
  }
  template <class T>
  static GHOST_INLINE Vector<T> slope(Vector<T> x) {
    const Normal<T> n = normal(x);
    return n.below + x * n.density;
  }
};
template <>
struct Function<RowFunction::sigmoid> {
  template <class T>
  static GHOST_INLINE Vector<T> value(Vector<T> x) {
    return logistic<T>(x).value;
  }
  template <class T>
  static GHOST_INLINE Vector<T> slope(Vector<T> y) {
    return y * (splat(T(1)) - y);
  }
};
template <>
struct Function<RowFunction::exp> {
  template <class T>
  static GHOST_INLINE Vector<T> value(Vector<T> x) {
    return exponential(x);
  }
  template <class T>
  static GHOST_INLINE Vector<T> slope(Vector<T> y) {
    return y;
  }
};
template <>
struct Function<RowFunction::log> {
  template <class T>
  static GHOST_INLINE Vector<T> value(Vector<T> x) {
    return by_lane<T>(x, [](T v) { return natural_log(v); });
  }
  template <class T>
  static GHOST_INLINE Vector<T> slope(Vector<T> x) {
    return splat(T(1)) / x;
  }
};
template <>
struct Function<RowFunction::sqrt> {
  template <class T>
  static GHOST_INLINE Vector<T> value(Vector<T> x) {
    return by_lane<T>(x, [](T v) { return root(v); });
  }
  template <class T>
  static GHOST_INLINE Vector<T> slope(Vector<T> y) {
    return splat(T(0.5)) / y;
  }
};

}  // namespace
