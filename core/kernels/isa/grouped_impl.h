// Grouped convolution of one row where a vector holds several groups, and its weight gradient. Groups have as many
// inputs as outputs, G, so that a vector of outputs needs one vector of inputs:
//   out[x][c] = Σ over taps, Σ over k < G of in[x + tap][⌊c / G⌋·G + k] · weight[tap][k][c]
//   for a column of channels, for a tile of pixels, for each tap, for each k: the k-th input of each group is spread
//   over the lanes of the group, one permutation and one multiplication with addition for each pixel
// Group by group, as dense rows (dense_impl.h), a vector would hold one group's outputs, 4 or 8 of 16 lanes, and a tile
// would be 16 pixels that are broadcast one by one. The weight's gradient holds a row of three taps in registers.
// Groups of 8 gain less than groups of 4: they are spread by permutations across the quarters of a vector, 4 within
// them.
#pragma once
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::GroupedRow;
using ghost::GroupedSums;

template <class T>
struct LaneIndexOf {
  using number = int32_t;
};
template <>
struct LaneIndexOf<double> {
  using number = int64_t;
};
template <class T>
using LaneIndex = Vector<typename LaneIndexOf<T>::number>;

// Lane i of the result is lane ⌊i / G⌋·G + k.
template <int G, class T>
GHOST_INLINE Vector<T> spread(Vector<T> v, int k) {
  LaneIndex<T> from = {};
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; i++) from[i] = i / G * G + k;
  return __builtin_shuffle(v, from);
}

template <class T, int G, int MR, class Lanes>
__attribute__((noinline)) void grouped_tile(const GroupedRow<T>& row, int64_t first, int64_t x, Lanes given) {
  const Lanes lanes = given;
  const int64_t step = row.in_step, out_step = row.out_step;
  const T* in = row.in + x * step + first;
  T* out = row.out + x * out_step + first;
  const T* w = row.weight + first;
  Vector<T> acc[MR];
#pragma GCC unroll 16
  for (int r = 0; r < MR; r++) acc[r] = row.bias ? load(row.bias + first, lanes) : Vector<T>{};
  for (int64_t t = 0; t < row.taps.count; t++) {
    const T* p[(MR + 2) / 3];  // one pointer for three pixels: the others are reached by addressing
    for (int r = 0; r < (MR + 2) / 3; r++) p[r] = in + row.taps.offset[t] + 3 * r * step;
    Vector<T> weight[G];
#pragma GCC unroll 8
    for (int k = 0; k < G; k++, w += row.channels) weight[k] = load(w, lanes);
#pragma GCC unroll 16
    for (int r = 0; r < MR; r++) {
      const Vector<T> v = load(p[r / 3] + r % 3 * step, lanes);
#pragma GCC unroll 8
      for (int k = 0; k < G; k++) acc[r] += spread<G, T>(v, k) * weight[k];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < MR; r++) {
    fetch_ahead(out + r * out_step);
    if (row.accumulate) acc[r] += load(out + r * out_step, lanes);
    store(out + r * out_step, acc[r], lanes);
  }
}
// The tile of exactly `pixels` ≤ MR pixels.
template <class T, int G, int MR, class Lanes>
void grouped_tile_of(int64_t pixels, const GroupedRow<T>& row, int64_t first, int64_t x, Lanes lanes) {
  if constexpr (MR > 1)
    if (pixels < MR) return grouped_tile_of<T, G, MR - 1>(pixels, row, first, x, lanes);
  grouped_tile<T, G, MR>(row, first, x, lanes);
}
template <class T, int G>
void grouped_row_of(const GroupedRow<T>& row) {
  constexpr int M = GHOST_VECTOR_REGISTERS == 32 ? 12 : 6;
  const int64_t tiles = (row.pixels + M - 1) / M;
  for_channels<T>(
      row.channels, [&](int64_t first, auto lanes) __attribute__((always_inline)) {
        for (int64_t i = 0, x = 0; i < tiles; i++) {
          const int64_t next = row.pixels * (i + 1) / tiles;
          grouped_tile_of<T, G, M>(next - x, row, first, x, lanes);
          x = next;
        }
      });
}
template <class T>
void grouped_row(const GroupedRow<T>& row) {
  if constexpr (8 < kLanes<T>)
    if (row.group == 8) return grouped_row_of<T, 8>(row);
  if constexpr (4 < kLanes<T>) grouped_row_of<T, 4>(row);
}

// Taps [first_tap, first_tap + Taps) of one column of channels.
template <class T, int G, int Taps, class Lanes>
__attribute__((noinline)) void grouped_sums_tile(const GroupedSums<T>& of, int64_t first_tap, int64_t first,
                                                 Lanes given) {
  const Lanes lanes = given;
  T* const sums = of.sums + first_tap * G * of.channels + first;
  Vector<T> acc[Taps][G];
#pragma GCC unroll 3
  for (int t = 0; t < Taps; t++)
#pragma GCC unroll 8
    for (int k = 0; k < G; k++) acc[t][k] = of.accumulate ? load(sums + (t * G + k) * of.channels, lanes) : Vector<T>{};
  int64_t offset[Taps];
  for (int t = 0; t < Taps; t++) offset[t] = of.taps.offset[first_tap + t];
  for (int64_t y = 0; y < of.rows; y++) {
    const T *g = of.g.data + y * of.g.row + first, *x = of.x.data + y * of.x.row + first;
    for (int64_t n = of.columns; n > 0; n--, g += of.g.step, x += of.x.step) {
      const Vector<T> up = load(g, lanes);
#pragma GCC unroll 3
      for (int t = 0; t < Taps; t++) {
        const Vector<T> v = load(x + offset[t], lanes);
#pragma GCC unroll 8
        for (int k = 0; k < G; k++) acc[t][k] += spread<G, T>(v, k) * up;
      }
    }
  }
#pragma GCC unroll 3
  for (int t = 0; t < Taps; t++)
#pragma GCC unroll 8
    for (int k = 0; k < G; k++) store(sums + (t * G + k) * of.channels, acc[t][k], lanes);
}
template <class T, int G>
void grouped_sums_of(const GroupedSums<T>& of) {
  for_channels<T>(
      of.channels, [&](int64_t first, auto lanes) __attribute__((always_inline)) {
        int64_t t = 0;
        for (; t + 3 <= of.taps.count; t += 3) grouped_sums_tile<T, G, 3>(of, t, first, lanes);
        for (; t < of.taps.count; t++) grouped_sums_tile<T, G, 1>(of, t, first, lanes);
      });
}
template <class T>
void grouped_sums(const GroupedSums<T>& of) {
  if constexpr (8 < kLanes<T>)
    if (of.group == 8) return grouped_sums_of<T, 8>(of);
  if constexpr (4 < kLanes<T>) grouped_sums_of<T, 4>(of);
}

}  // namespace
