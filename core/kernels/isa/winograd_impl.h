// The transforms of Winograd's convolution F(4×4, 3×3) (Lavin and Gray, arXiv 1509.09308, section 4): vectors of
// channels, one tile after the other. d: 6×6 pixels of the input, g: 3×3 weights, y: 4×4 pixels of the result:
//   y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A        and for the weight's gradient:  dg = Gᵀ [(A dy Aᵀ) ⊙ (Bᵀ d B)] G
// Interpolation points 0, ±1, ±2, ∞. Rows of a matrix first, then columns: what is between fills most registers.
// A tile is a function of its own, which computes where its pixels and elements are from one to the next: within the
// loop over tiles the compiler kept a pointer for each of them, on the stack, and where results were conditional it
// took the arithmetic along to the condition.
#pragma once
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::WinogradInput;
using ghost::WinogradOutput;

// Bᵀ d
template <class T>
GHOST_INLINE void input_transform(const Vector<T>* d, Vector<T>* o) {
  const Vector<T> a = d[4] - d[2] * T(4), b = d[3] - d[1] * T(4), c = d[4] - d[2], e = (d[3] - d[1]) * T(2);
  o[0] = d[4] + d[0] * T(4) - d[2] * T(5);
  o[1] = a + b, o[2] = a - b;
  o[3] = c + e, o[4] = c - e;
  o[5] = d[5] + d[1] * T(4) - d[3] * T(5);
}
// Aᵀ m
template <class T>
GHOST_INLINE void output_transform(const Vector<T>* m, Vector<T>* o) {
  const Vector<T> a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  o[0] = m[0] + a + c;
  o[1] = b + d * T(2);
  o[2] = a + c * T(4);
  o[3] = b + d * T(8) + m[5];
}
// A y
template <class T>
GHOST_INLINE void gradient_transform(const Vector<T>* y, Vector<T>* o) {
  const Vector<T> a = y[0] + y[2], b = y[1] + y[3], c = y[0] + y[2] * T(4), d = (y[1] + y[3] * T(4)) * T(2);
  o[0] = y[0];
  o[1] = a + b, o[2] = a - b;
  o[3] = c + d, o[4] = c - d;
  o[5] = y[3];
}
// G g
template <class T>
GHOST_INLINE void weight_transform(const Vector<T>* g, Vector<T>* o) {
  const Vector<T> a = (g[0] + g[2]) * (T(-1) / 6), b = g[1] * (T(-1) / 6);
  const Vector<T> c = g[0] * (T(1) / 24) + g[2] * (T(1) / 6), d = g[1] * (T(1) / 12);
  o[0] = g[0] * (T(1) / 4);
  o[1] = a + b, o[2] = a - b;
  o[3] = c + d, o[4] = c - d;
  o[5] = g[2];
}
// Gᵀ s
template <class T>
GHOST_INLINE void weight_gradient_transform(const Vector<T>* s, Vector<T>* o) {
  const Vector<T> a = s[1] + s[2], b = s[2] - s[1], c = s[3] + s[4], d = s[3] - s[4];
  o[0] = s[0] * (T(1) / 4) - a * (T(1) / 6) + c * (T(1) / 24);
  o[1] = b * (T(1) / 6) + d * (T(1) / 12);
  o[2] = (c - a) * (T(1) / 6) + s[5];
}

// out (Out×Out) = transform of in (In×In), both ways. load(i, j), store(i, j, v).
template <class T, int In, int Out, class Load, class Transform, class Store>
GHOST_INLINE void both_ways(Load load_at, Transform transform, Store store_at) {
  Vector<T> half[Out][In];
#pragma GCC unroll 6
  for (int j = 0; j < In; j++) {
    Vector<T> from[In], to[Out];
#pragma GCC unroll 6
    for (int i = 0; i < In; i++) from[i] = load_at(i, j);
    transform(from, to);
#pragma GCC unroll 6
    for (int i = 0; i < Out; i++) half[i][j] = to[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < Out; i++) {
    Vector<T> to[Out];
    transform(half[i], to);
#pragma GCC unroll 6
    for (int j = 0; j < Out; j++) store_at(i, j, to[j]);
  }
}

// f(tile, first channel, lanes of the pixels, lanes of the elements) for each block of channels of each tile, whose
// elements are `step` apart. Of the first `pairs` tiles, whose channels fill half a vector, two may be taken at a time.
template <class T, class F>
GHOST_INLINE void for_tiles(int64_t tiles, int64_t pairs, int64_t channels, int64_t apart, int64_t step, F f) {
  int64_t i = 0;
  if constexpr (kTwoPixels<T>)
    if (2 * channels == kLanes<T>) {
      if (step == channels)
        for (; i + 2 <= pairs; i += 2) f(i, int64_t{0}, TwoPixels<T>{apart}, All{});
      else
        for (; i + 2 <= pairs; i += 2) f(i, int64_t{0}, TwoPixels<T>{apart}, TwoPixels<T>{step});
    }
  for (; i < tiles; i++)
    for_channels<T>(
        channels, [=](int64_t c, auto lanes) __attribute__((always_inline)) { f(i, c, lanes, lanes); });
}

// Pixels of side In to elements of side 6.
template <class T, int In, class Transform, class Pixels, class Elements>
__attribute__((noinline)) void elements_of_tile(const T* from, int64_t row, int64_t step, T* to, int64_t element_step,
                                                Transform transform, Pixels pixels, Elements elements) {
  both_ways<T, In, 6>(
      [=](int y, int x) __attribute__((always_inline)) { return load(from + y * row + x * step, pixels); }, transform,
      [=](int y, int x, Vector<T> v)
          __attribute__((always_inline)) { store(to + (y * 6 + x) * element_step, v, elements); });
}
template <class T, int In, class Transform>
GHOST_INLINE void to_elements(const WinogradInput<T>& t, Transform transform) {
  for_tiles<T>(
      t.tiles, t.tiles, t.channels, 4 * t.step, t.channels,
      [ transform, &t ](int64_t i, int64_t c, auto pixels, auto elements) __attribute__((always_inline)) {
        elements_of_tile<T, In>(t.pixels + i * 4 * t.step + c, t.row, t.step, t.elements + i * t.channels + c,
                                t.element_step, transform, pixels, elements);
      });
}
template <class T>
void winograd_input(const WinogradInput<T>& t) {
  to_elements<T, 6>(
      t, [](const Vector<T>* d, Vector<T>* o) __attribute__((always_inline)) { input_transform<T>(d, o); });
}
template <class T>
void winograd_gradient(const WinogradInput<T>& t) {
  to_elements<T, 4>(
      t, [](const Vector<T>* d, Vector<T>* o) __attribute__((always_inline)) { gradient_transform<T>(d, o); });
}

// Whole: all pixels lie within rows × columns. finish(sum, where it goes).
template <class T, bool Whole, class Pixels, class Elements, class Finish>
__attribute__((noinline)) void pixels_of_tile(const T* from, int64_t element_step, T* to, int64_t row, int64_t step,
                                              int64_t rows, int64_t columns, Pixels pixels, Elements elements,
                                              Finish finish) {
  both_ways<T, 6, 4>(
      [=](int y, int x) __attribute__((always_inline)) { return load(from + (y * 6 + x) * element_step, elements); },
      [](const Vector<T>* d, Vector<T>* o) __attribute__((always_inline)) { output_transform<T>(d, o); },
      [=](int y, int x, Vector<T> v) __attribute__((always_inline)) {
        if (!Whole && (y >= rows || x >= columns)) return;
        T* at = to + y * row + x * step;
        store(at, finish(v, at), pixels);
      });
}
template <class T>
void winograd_output(const WinogradOutput<T>& t) {
  const int64_t whole = t.columns / 4;  // tiles that lie within the columns
  for_tiles<T>(
      t.tiles, whole < t.tiles ? whole : t.tiles, t.channels, 4 * t.step,
      t.tile_step, [&t](int64_t i, int64_t c, auto pixels, auto elements) __attribute__((always_inline)) {
        const auto tile = [ =, &t ](auto finish) __attribute__((always_inline)) {
          const T* from = t.elements + i * t.tile_step + c;
          T* to = t.pixels + i * 4 * t.step + c;
          const int64_t columns = t.columns - i * 4;
          if (t.rows >= 4 && columns >= 4)
            pixels_of_tile<T, true>(from, t.element_step, to, t.row, t.step, 4, 4, pixels, elements, finish);
          else
            pixels_of_tile<T, false>(from, t.element_step, to, t.row, t.step, t.rows, columns, pixels, elements,
                                     finish);
        };
        if (t.accumulate)
          tile([=](Vector<T> v, const T* at) __attribute__((always_inline)) { return v + load(at, pixels); });
        else if (t.bias)
          tile([bias = load(t.bias + c, of_channels(pixels))](Vector<T> v, const T*)
                   __attribute__((always_inline)) { return v + bias; });
        else
          tile([](Vector<T> v, const T*) __attribute__((always_inline)) { return v; });
      });
}

template <class T>
void winograd_weights(T* elements, int64_t element_step, const T* w, int64_t tap_step, int64_t count) {
  for_channels<T>(
      count, [=](int64_t c, auto lanes) __attribute__((always_inline)) {
        both_ways<T, 3, 6>(
            [=](int y, int x) __attribute__((always_inline)) { return load(w + (y * 3 + x) * tap_step + c, lanes); },
            [](const Vector<T>* d, Vector<T>* o) __attribute__((always_inline)) { weight_transform<T>(d, o); },
            [=](int y, int x, Vector<T> v)
                __attribute__((always_inline)) { store(elements + (y * 6 + x) * element_step + c, v, lanes); });
      });
}

template <class T>
void winograd_weight_gradient(T* w, int64_t tap_step, const T* elements, int64_t element_step, int64_t count,
                              bool accumulate) {
  for_channels<T>(
      count, [=](int64_t c, auto lanes) __attribute__((always_inline)) {
        both_ways<T, 6, 3>(
            [=](int y, int x)
                __attribute__((always_inline)) { return load(elements + (y * 6 + x) * element_step + c, lanes); },
            [](const Vector<T>* d, Vector<T>* o) __attribute__((always_inline)) { weight_gradient_transform<T>(d, o); },
            [=](int y, int x, Vector<T> v) __attribute__((always_inline)) {
              T* at = w + (y * 3 + x) * tap_step + c;
              store(at, accumulate ? v + load(at, lanes) : v, lanes);
            });
      });
}

}  // namespace
