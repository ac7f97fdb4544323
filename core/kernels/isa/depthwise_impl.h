// Depthwise convolution of one row and its weight gradient.
//   out[x][c] = Σ over taps of in[x + tap][c] · weight[tap][c]
//   for a column of channels, for a tile of up to 8 pixels, for each kernel row: the inputs are loaded once for all
//   taps
// The nine weights of a kernel of 3×3 stay in registers over the row, where there are 32. Rows of 16 or 32 channels
// come closest to the full speed; others lose to vectors that cross cache lines, and to masks. With `repeat`, a row of
// pixels is one run of numbers and a vector spans several pixels, so that channels which do not fill vectors cost no
// lanes; of two pixels, the last of three taps reads what the first of the next vector reads. It pays where half the
// lanes or more would be empty, and not for 8 channels that are copied to a slice afterwards. The weight's gradient
// holds 9 taps of a column in registers over all rows of an item. On maps of 2×2 and 4×4 that is few pixels, so how the
// sums end matters: they are added by vectors. Where the lanes of a column are masked, neighbouring pixels share what
// they load. So do neighbours of a row of stride 2, which helps 5×5; 3×3 is bandwidth-bound there.
#pragma once
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::DepthwiseRow;
using ghost::DepthwiseSums;

// Asks for pixels of c channels in the order in which they lie in memory, a vector at each call, from this many bytes
// of theirs after p on. A row kernel that walks one column of channels and then the next comes to its lines in another
// order, in which memory is slower.
template <class T>
class PixelsAhead {
 public:
  GHOST_INLINE PixelsAhead(const T* p, int64_t step, int64_t c, int64_t bytes) {
    constexpr int64_t S = sizeof(T);
    columns_ = (c + kLanes<T> - 1) / kLanes<T>, left_ = columns_;
    bytes_ = step == c ? c * S / columns_ : kLanes<T> * S;
    gap_ = step * S - columns_ * bytes_;
    at_ = reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>((bytes / S + c - 1) / c * step * S);
  }
  GHOST_INLINE void fetch_next() {
    __builtin_prefetch(reinterpret_cast<const void*>(at_));
    left_--;
    at_ += static_cast<uintptr_t>(left_ == 0 ? bytes_ + gap_ : bytes_);
    left_ = left_ == 0 ? columns_ : left_;
  }

 private:
  uintptr_t at_;
  int64_t bytes_, gap_, columns_, left_;
};

// acc[x] += Σ over a run of taps, for P output vectors. Tap j of vector x reads the input at p + (S · x + j) · unit;
// what several of them read is loaded once.
template <class T, int P, int Run, int S, class Lanes>
GHOST_INLINE void depthwise_taps(Vector<T>* acc, const Vector<T>* w, const T* p, int64_t unit, Lanes lanes) {
#pragma GCC unroll 32
  for (int q = 0; q < S * (P - 1) + Run; q++) {
    if (q % S >= Run) continue;
    const Vector<T> v = load(p + q * unit, lanes);
#pragma GCC unroll 8
    for (int j = 0; j < Run; j++)
      if (q >= j && (q - j) % S == 0 && (q - j) / S < P) acc[(q - j) / S] += v * w[j];
  }
}

template <class T, int Run, class Lanes>
GHOST_INLINE void depthwise_weights(Vector<T>* w, const T* weight, int64_t step, Lanes lanes) {
#pragma GCC unroll 9
  for (int j = 0; j < Run; j++) w[j] = load(weight + j * step, lanes);
}

// P output vectors. Held: the kernel has three rows of taps, whose weights are in `held`.
template <class T, int P, int Run, int S, bool Held, class Lanes>
GHOST_INLINE void depthwise_tile(const DepthwiseRow<T>& row, const Vector<T>* held, const T* in, int64_t unit,
                                 const T* weight, const T* bias, T* out, int64_t out_step, PixelsAhead<T>& ahead,
                                 Lanes lanes) {
  const int64_t weight_step = row.channels * row.repeat;
  Vector<T> acc[P];
#pragma GCC unroll 16
  for (int x = 0; x < P; x++) acc[x] = bias ? load(bias, lanes) : Vector<T>{};
  if (Held) {
#pragma GCC unroll 3
    for (int r = 0; r < 3; r++)
      depthwise_taps<T, P, Run, S>(acc, held + r * Run, in + row.taps.offset[r * Run], unit, lanes);
  } else {
    for (int64_t t = 0; t < row.taps.count; t += Run, weight += Run * weight_step) {
      Vector<T> w[Run];
      depthwise_weights<T, Run>(w, weight, weight_step, lanes);
      depthwise_taps<T, P, Run, S>(acc, w, in + row.taps.offset[t], unit, lanes);
    }
  }
  if (row.accumulate) {
#pragma GCC unroll 16
    for (int x = 0; x < P; x++) acc[x] += load(out + x * out_step, lanes);
  }
#pragma GCC unroll 16
  for (int x = 0; x < P; x++) {
    ahead.fetch_next();
    store(out + x * out_step, acc[x], lanes);
  }
}

// in_step and out_step: from one output vector to the next.
template <class T, int Run, int S, bool Held, class Lanes>
GHOST_INLINE void depthwise_column(const DepthwiseRow<T>& row, int64_t c, int64_t vectors, int64_t in_step,
                                   int64_t out_step, PixelsAhead<T>& ahead, Lanes lanes) {
  const int64_t weight_step = row.channels * row.repeat;
  const int64_t unit = Run == 1 ? in_step : row.taps.offset[1] - row.taps.offset[0];
  const T *in = row.in + c, *w = row.weight + c, *b = row.bias ? row.bias + c : nullptr;
  T* out = row.out + c;
  Vector<T> held[Held ? 3 * Run : 1];
  if (Held) depthwise_weights<T, 3 * Run>(held, w, weight_step, lanes);
  int64_t x = 0;
  const auto tile = [&]<int P>() __attribute__((always_inline)) {
    depthwise_tile<T, P, Run, S, Held>(row, held, in + x * in_step, unit, w, b, out + x * out_step, out_step, ahead,
                                       lanes);
    x += P;
  };
  while (x + 8 <= vectors) tile.template operator()<8>();
  if (x + 4 <= vectors) tile.template operator()<4>();
  if (x + 2 <= vectors) tile.template operator()<2>();
  if (x < vectors) tile.template operator()<1>();
}

template <class T, int Run, int S, bool Held>
__attribute__((noinline)) void depthwise_run(const DepthwiseRow<T>& row) {
  constexpr int L = kLanes<T>;
  PixelsAhead<T> ahead(row.out, row.out_step, row.channels, kBytesAhead);
  if (row.repeat == 1) {
    for_channels<T>(
        row.channels, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
          depthwise_column<T, Run, S, Held>(row, c, row.pixels, row.in_step, row.out_step, ahead, lanes);
        });
    return;
  }
  const int64_t period = row.channels * row.repeat, elements = row.pixels * row.channels;
  for (int64_t c = 0; c < period && c < elements; c += L) {
    const int64_t whole = c + L <= elements ? (elements - c - L) / period + 1 : 0, rest = elements - c - whole * period;
    depthwise_column<T, Run, S, Held>(row, c, whole, period, period, ahead, All{});
    if (rest > 0) {  // < L numbers at the end of the row
      DepthwiseRow<T> end = row;
      end.in += whole * period, end.out += whole * period;
      depthwise_column<T, Run, S, Held>(end, c, 1, period, period, ahead, first_lanes<T>(rest));
    }
  }
}
template <class T>
void depthwise_row(const DepthwiseRow<T>& row) {
  constexpr bool kHeld = GHOST_VECTOR_REGISTERS == 32;
  const int64_t run = row.taps.run, apart = row.repeat == 1 ? row.taps.run_stride : row.repeat;
  const bool nine = run == 3 && row.taps.count == 9;
  if (row.repeat == 1 && apart == 1) {
    if (nine) return depthwise_run<T, 3, 1, kHeld>(row);
    if (run == 2) return depthwise_run<T, 2, 1, false>(row);
    if (run == 3) return depthwise_run<T, 3, 1, false>(row);
    if (run == 5) return depthwise_run<T, 5, 1, false>(row);
  }
  if (apart == 2) {
    if (nine && (row.repeat == 1 || row.taps.run_stride == 1)) return depthwise_run<T, 3, 2, kHeld>(row);
    if (row.repeat == 1 && run == 5) return depthwise_run<T, 5, 2, false>(row);
  }
  depthwise_run<T, 1, 1, false>(row);
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

// The same for three rows of three taps, in which neighbours share inputs: tap (r, j) of pixel x reads at[3 · r] +
// (x + j) · x_step. It pays where loads are masked.
template <class T>
GHOST_INLINE void depthwise_sums_row_3x3(Vector<T>* acc, const T* const* at, const T* g, int64_t pixels, int64_t x_step,
                                         int64_t g_step, int64_t x_offset, const First<T>& lanes) {
  constexpr int P = 4;
  int64_t x = 0;
  for (; x + P <= pixels; x += P) {
    Vector<T> v[P];
#pragma GCC unroll 4
    for (int i = 0; i < P; i++) v[i] = load(g + (x + i) * g_step, lanes);
#pragma GCC unroll 3
    for (int r = 0; r < 3; r++) {
      const T* p = at[3 * r] + x_offset + x * x_step;
#pragma GCC unroll 6
      for (int q = 0; q < P + 2; q++) {
        const Vector<T> in = load(p + q * x_step, lanes);
#pragma GCC unroll 3
        for (int j = 0; j < 3; j++)
          if (q >= j && q - j < P) acc[3 * r + j] += v[q - j] * in;
      }
    }
  }
  depthwise_sums_row<T, 9>(acc, at, g + x * g_step, pixels - x, x_step, g_step, x_offset + x * x_step, lanes);
}
template <class T>
bool is_3x3(const T* const* at, int64_t step) {
  for (int r = 0; r < 9; r += 3)
    if (at[r + 1] - at[r] != step || at[r + 2] - at[r] != 2 * step) return false;
  return true;
}

// One row of pixels; all nine taps are there if it is told to share.
template <class T, int kTaps, class Lanes>
GHOST_INLINE void depthwise_sums_pixels(bool, Vector<T>* acc, const T* const* at, const T* g,
                                        const DepthwiseSums<T>& of, int64_t x_offset, Lanes lanes) {
  depthwise_sums_row<T, kTaps>(acc, at, g, of.columns, of.x.step, of.g.step, x_offset, lanes);
}
template <class T, int kTaps>
GHOST_INLINE void depthwise_sums_pixels(bool share, Vector<T>* acc, const T* const* at, const T* g,
                                        const DepthwiseSums<T>& of, int64_t x_offset, const First<T>& lanes) {
  if constexpr (kTaps == 9)
    if (share) return depthwise_sums_row_3x3<T>(acc, at, g, of.columns, of.x.step, of.g.step, x_offset, lanes);
  depthwise_sums_row<T, kTaps>(acc, at, g, of.columns, of.x.step, of.g.step, x_offset, lanes);
}

template <int kTaps, class T, class Lanes>
GHOST_INLINE void depthwise_sums_column(const DepthwiseSums<T>& of, int64_t c, int64_t t0, Lanes lanes) {
  constexpr int L = kLanes<T>;
  const int taps = static_cast<int>(of.taps.count - t0 < kTaps ? of.taps.count - t0 : kTaps);
  const T* at[kTaps];
  for (int i = 0; i < kTaps; i++) at[i] = of.x.data + of.taps.offset[t0 + (i < taps ? i : taps - 1)] + c;
  Vector<T> acc[kTaps] = {};
  const int64_t period = of.channels * of.repeat, elements = of.columns * of.channels;
  bool share = false;
  if constexpr (kTaps == 9) share = taps == 9 && is_3x3(at, of.x.step);
  for (int64_t y = 0; y < of.rows; y++) {
    const T* g = of.g.data + y * of.g.row + c;
    if (of.repeat == 1) {
      depthwise_sums_pixels<T, kTaps>(share, acc, at, g, of, y * of.x.row, lanes);
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
    if (of.repeat == 1)
      for_channels<T>(
          of.channels, [&](int64_t c, auto lanes)
                           __attribute__((always_inline)) { depthwise_sums_column<kTaps>(of, c, t, lanes); });
    else
      for (int64_t c = 0; c + L <= period && c < elements; c += L) depthwise_sums_column<kTaps>(of, c, t, All{});
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
