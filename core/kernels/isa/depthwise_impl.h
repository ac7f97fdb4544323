// Depthwise convolution of one row and its weight gradient.
//   out[x][c] = Σ over taps of in[x + tap][c] · weight[tap][c]
//   for a column of channels, for a tile of up to 8 pixels, for each kernel row: the inputs are loaded once for all
//   taps
// With `repeat`, a row of pixels is one run of numbers and a vector spans several pixels, so that channels which do not
// fill vectors cost no lanes; but every tap then loads its own inputs. It pays where a third of the lanes would be
// empty: at 36 channels it is a fifth faster, at 92 or 100 masked vectors are a third faster than it.
// The weight's gradient holds 9 taps of a column in registers over all rows of an item. On maps of 2×2 and 4×4 that is
// few pixels, so how the sums end matters: adding them by vectors instead of numbers made its backward a quarter
// faster.
#pragma once
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::DepthwiseRow;
using ghost::DepthwiseSums;

// P output vectors, `step` apart. Inputs of a run of taps are loaded once: tap j of pixel x reads what tap 0 of pixel
// x + j reads.
template <class T, int P, int Run, class Lanes>
GHOST_INLINE void depthwise_tile(const DepthwiseRow<T>& row, const T* in, int64_t in_step, const T* weight,
                                 int64_t weight_step, const T* bias, T* out, int64_t out_step, Lanes lanes) {
  Vector<T> acc[P];
#pragma GCC unroll 8
  for (int x = 0; x < P; x++) acc[x] = bias ? load(bias, lanes) : Vector<T>{};
  for (int64_t t = 0; t < row.taps.count; t += Run, weight += Run * weight_step) {
    Vector<T> w[Run];
#pragma GCC unroll 8
    for (int j = 0; j < Run; j++) w[j] = load(weight + j * weight_step, lanes);
    const T* p = in + row.taps.offset[t];
#pragma GCC unroll 16
    for (int x = 0; x < P + Run - 1; x++) {
      const Vector<T> v = load(p + x * in_step, lanes);
#pragma GCC unroll 8
      for (int j = 0; j < Run; j++)
        if (x >= j && x - j < P) acc[x - j] += v * w[j];
    }
  }
#pragma GCC unroll 8
  for (int x = 0; x < P; x++) {
    T* o = out + x * out_step;
    fetch_ahead(o);
    store(o, row.accumulate ? acc[x] + load(o, lanes) : acc[x], lanes);
  }
}

template <class T, int Run, class Lanes>
GHOST_INLINE void depthwise_column(const DepthwiseRow<T>& row, int64_t c, int64_t pixels, int64_t in_step,
                                   int64_t out_step, Lanes lanes) {
  const int64_t weight_step = row.channels * row.repeat;
  const T *in = row.in + c, *w = row.weight + c, *b = row.bias ? row.bias + c : nullptr;
  T* out = row.out + c;
  int64_t x = 0;
  for (; x + 8 <= pixels; x += 8)
    depthwise_tile<T, 8, Run>(row, in + x * in_step, in_step, w, weight_step, b, out + x * out_step, out_step, lanes);
  if (x + 4 <= pixels) {
    depthwise_tile<T, 4, Run>(row, in + x * in_step, in_step, w, weight_step, b, out + x * out_step, out_step, lanes);
    x += 4;
  }
  if (x + 2 <= pixels) {
    depthwise_tile<T, 2, Run>(row, in + x * in_step, in_step, w, weight_step, b, out + x * out_step, out_step, lanes);
    x += 2;
  }
  if (x < pixels)
    depthwise_tile<T, 1, Run>(row, in + x * in_step, in_step, w, weight_step, b, out + x * out_step, out_step, lanes);
}

template <class T, int Run>
__attribute__((noinline)) void depthwise_run(const DepthwiseRow<T>& row) {
  constexpr int L = kLanes<T>;
  if (row.repeat == 1) {
    int64_t c = 0;
    for (; c + L <= row.channels; c += L)
      depthwise_column<T, Run>(row, c, row.pixels, row.in_step, row.out_step, All{});
    if (c < row.channels)
      depthwise_column<T, Run>(row, c, row.pixels, row.in_step, row.out_step, first_lanes<T>(row.channels - c));
    return;
  }
  const int64_t period = row.channels * row.repeat, elements = row.pixels * row.channels;
  for (int64_t c = 0; c < period && c < elements; c += L) {
    const int64_t whole = c + L <= elements ? (elements - c - L) / period + 1 : 0, rest = elements - c - whole * period;
    depthwise_column<T, 1>(row, c, whole, period, period, All{});
    if (rest > 0) {  // < L numbers at the end of the row
      DepthwiseRow<T> end = row;
      end.in += whole * period, end.out += whole * period;
      depthwise_column<T, 1>(end, c, 1, period, period, first_lanes<T>(rest));
    }
  }
}
template <class T>
void depthwise_row(const DepthwiseRow<T>& row) {
  // Runs help where neighbouring vectors are neighbouring pixels.
  if (row.repeat == 1 && row.taps.run == 3) return depthwise_run<T, 3>(row);
  if (row.repeat == 1 && row.taps.run == 5) return depthwise_run<T, 5>(row);
  depthwise_run<T, 1>(row);
}

constexpr int taps_at_once() { return GHOST_VECTOR_REGISTERS == 32 ? 9 : 6; }

// acc[i] += Σ g · x of up to kTaps taps over one column of vectors
template <class T, int kTaps, class Lanes>
GHOST_INLINE void depthwise_sums_row(Vector<T>* acc, const T* const* at, const T* g, int64_t pixels, int64_t x_step,
                                     int64_t g_step, int64_t x_offset, Lanes lanes) {
  for (int64_t x = 0; x < pixels; x++) {
    const Vector<T> v = load(g + x * g_step, lanes);
#pragma GCC unroll 9
    for (int i = 0; i < kTaps; i++) acc[i] += v * load(at[i] + x_offset + x * x_step, lanes);
  }
}

template <int kTaps, class T, class Lanes>
GHOST_INLINE void depthwise_sums_column(const DepthwiseSums<T>& of, int64_t c, int64_t t0, Lanes lanes) {
  constexpr int L = kLanes<T>;
  const int taps = static_cast<int>(of.taps.count - t0 < kTaps ? of.taps.count - t0 : kTaps);
  const T* at[kTaps];
  for (int i = 0; i < kTaps; i++) at[i] = of.x.data + of.taps.offset[t0 + (i < taps ? i : taps - 1)] + c;
  Vector<T> acc[kTaps] = {};
  const int64_t period = of.channels * of.repeat, elements = of.columns * of.channels;
  for (int64_t y = 0; y < of.rows; y++) {
    const T* g = of.g.data + y * of.g.row + c;
    if (of.repeat == 1) {
      depthwise_sums_row<T, kTaps>(acc, at, g, of.columns, of.x.step, of.g.step, y * of.x.row, lanes);
      continue;
    }
    const int64_t whole = c + L <= elements ? (elements - c - L) / period + 1 : 0, rest = elements - c - whole * period;
    depthwise_sums_row<T, kTaps>(acc, at, g, whole, period, period, y * of.x.row, All{});
    if (rest > 0)
      depthwise_sums_row<T, kTaps>(acc, at, g + whole * period, 1, period, period, y * of.x.row + whole * period,
                                   first_lanes<T>(rest));
  }
  for (int i = 0; i < taps; i++) {
    T* to = of.sums + (t0 + i) * of.channels;
    if (of.repeat == 1) {
      store(to + c, load(to + c, lanes) + acc[i], lanes);
      continue;
    }
    T part[L];
    store(part, acc[i]);
    int64_t channel = c % of.channels;
    for (int k = 0; k < L; k++) {
      to[channel] += part[k];
      if (++channel == of.channels) channel = 0;
    }
  }
}

template <int kTaps, class T>
__attribute__((noinline)) void depthwise_sums_of(const DepthwiseSums<T>& of) {
  constexpr int L = kLanes<T>;
  const int64_t period = of.channels * of.repeat, elements = of.columns * of.channels;
  for (int64_t t = 0; t < of.taps.count; t += kTaps) {
    int64_t c = 0;
    for (; c + L <= period && (of.repeat == 1 || c < elements); c += L) depthwise_sums_column<kTaps>(of, c, t, All{});
    if (of.repeat == 1 && c < period) depthwise_sums_column<kTaps>(of, c, t, first_lanes<T>(period - c));
  }
}
template <class T>
void depthwise_sums(const DepthwiseSums<T>& of) {
  if (!of.accumulate)
    for (int64_t i = 0; i < of.taps.count * of.channels; i++) of.sums[i] = 0;
  if (of.taps.count == 1) return depthwise_sums_of<1>(of);
  depthwise_sums_of<taps_at_once()>(of);
}

}  // namespace
