// Dense convolution of one row, and the sums its weight gradient is made of.
//   out[x] (columns) = Σ over taps and channels of in[x + tap][k] · weight[tap][k] (columns)
//   for a tile of pixels × vectors that stays in registers: for each tap, for each channel: a vector load each for the
//   weights, a broadcast for each pixel, a multiplication with addition for each of the sums
// Wide tiles take fewer pixels, so that sums, weights and a broadcast fill the registers: 16×1, 12×2, 8×3, 6×4 of 32.
// A row is cut into tiles of nearly equal size, so that no tile is left with a single pixel. The outer sums of the
// weight's gradient are the same tile with the pixels as the inner loop. Short sums go another way
// (dense_passes_impl.h). Where columns fill half of the last of several vectors or less, two pixels share it: the
// weights are there twice, and one broadcast is blended with the next.
#pragma once
#include "core/kernels/isa/dense_passes_impl.h"
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::OuterSums;

// Pixels of a tile for a number of vectors: the sums leave room for the vectors they are made of.
constexpr int tile_pixels(int vectors) {
#if GHOST_VECTOR_REGISTERS == 32
  return vectors == 1 ? 16 : vectors == 2 ? 12 : vectors == 3 ? 8 : 6;
#else
  return vectors == 1 ? 12 : vectors == 2 ? 6 : 4;
#endif
}
constexpr int max_vectors() { return GHOST_VECTOR_REGISTERS == 32 ? 4 : GHOST_VECTOR_BYTES == 32 ? 3 : 2; }

#if GHOST_VECTOR_BYTES == 64
// The lower halves of both. A blend is faster beside several whole vectors, a shuffle beside one.
template <bool Shuffle>
GHOST_INLINE Vector<float> lower_halves(Vector<float> first, Vector<float> second) {
  if constexpr (Shuffle)
    return __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  constexpr __mmask16 kUpper = 0xff00;  // of two splats
  return reinterpret_cast<Vector<float>>(
      _mm512_mask_blend_ps(kUpper, reinterpret_cast<__m512>(first), reinterpret_cast<__m512>(second)));
}
GHOST_INLINE Vector<float> upper_half(Vector<float> v) {
  return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
}
#endif

// With `Halves`, columns fill half of the last vector or less, and two pixels share one there.
template <class T, int NV, int MR, bool Halves>
__attribute__((noinline)) void dense_tile(const DenseRow<T>& row, const T* in, T* out) {
  constexpr int L = kLanes<T>, F = Halves ? NV - 1 : NV;
  const int64_t step = row.in_step, channels = row.channels;
  const T* b = row.weight;
  Vector<T> acc[MR][F], shared[(MR + 1) / 2];
#pragma GCC unroll 16
  for (int r = 0; r < MR; r++)
#pragma GCC unroll 4
    for (int j = 0; j < F; j++) acc[r][j] = row.bias ? load(row.bias + j * L) : Vector<T>{};
  if constexpr (Halves)
#pragma GCC unroll 8
    for (int i = 0; i < (MR + 1) / 2; i++) shared[i] = row.bias ? load(row.bias + F * L, TwoPixels<T>{0}) : Vector<T>{};
  if (row.from_memory)
    for (int r = 0; r < MR; r++)
      for (int64_t k = 0; k < channels; k += L) fetch_ahead(in + row.taps.offset[0] + r * step + k);
  for (int64_t t = 0; t < row.taps.count; t++) {
    const T* p[(MR + 2) / 3];  // one pointer for three pixels: the others are reached by addressing
    for (int r = 0; r < (MR + 2) / 3; r++) p[r] = in + row.taps.offset[t] + 3 * r * step;
    for (int64_t k = 0; k < channels; k++, b += NV * L) {
      Vector<T> v[NV], a = {};
#pragma GCC unroll 4
      for (int j = 0; j < F; j++) v[j] = load(b + j * L);
      if constexpr (Halves) v[F] = load(b + F * L, TwoPixels<T>{0});
#pragma GCC unroll 16
      for (int r = 0; r < MR; r++) {
        [[maybe_unused]] const Vector<T> before = a;
        a = splat(p[r / 3][r % 3 * step + k]);
#pragma GCC unroll 4
        for (int j = 0; j < F; j++) acc[r][j] += a * v[j];
        if constexpr (Halves) {
          if (r % 2)
            shared[r / 2] += lower_halves<F == 1>(before, a) * v[F];
          else if (r + 1 == MR)
            shared[r / 2] += a * v[F];
        }
      }
    }
  }
  const First<T> last = first_lanes<T>(row.columns - (NV - 1) * L);
  const int64_t out_step = row.out_step;
  if (row.to_memory)
    for (int r = 0; r < MR; r++)
#pragma GCC unroll 4
      for (int j = 0; j < NV; j++) fetch_ahead(out + r * out_step + j * L);
  Vector<T> end[MR];
#pragma GCC unroll 16
  for (int r = 0; r < MR; r++)
    if constexpr (Halves)
      end[r] = r % 2 ? upper_half(shared[r / 2]) : shared[r / 2];
    else
      end[r] = acc[r][NV - 1];
  if (row.accumulate)
#pragma GCC unroll 16
    for (int r = 0; r < MR; r++) {
      const T* o = out + r * out_step;
#pragma GCC unroll 4
      for (int j = 0; j + 1 < NV; j++) acc[r][j] += load(o + j * L);
      end[r] += load(o + (NV - 1) * L, last);
    }
#pragma GCC unroll 16
  for (int r = 0; r < MR; r++) {
    T* o = out + r * out_step;
#pragma GCC unroll 4
    for (int j = 0; j + 1 < NV; j++) store(o + j * L, acc[r][j]);
    store(o + (NV - 1) * L, end[r], last);
  }
}
// The tile of exactly `pixels` ≤ MR pixels.
template <class T, int NV, int MR, bool Halves>
void dense_tile_of(int64_t pixels, const DenseRow<T>& row, const T* in, T* out) {
  if constexpr (MR > 1)
    if (pixels < MR) return dense_tile_of<T, NV, MR - 1, Halves>(pixels, row, in, out);
  dense_tile<T, NV, MR, Halves>(row, in, out);
}
template <class T, int NV, bool Halves>
void dense_tiles(const DenseRow<T>& row) {
  constexpr int M = tile_pixels(NV);
  const int64_t tiles = (row.pixels + M - 1) / M;
  for (int64_t i = 0, x = 0; i < tiles; i++) {
    const int64_t next = row.pixels * (i + 1) / tiles;
    dense_tile_of<T, NV, M, Halves>(next - x, row, row.in + x * row.in_step, row.out + x * row.out_step);
    x = next;
  }
}
template <class T, int NV>
void dense_panel(const DenseRow<T>& row) {
  if constexpr (kTwoPixels<T> && NV > 1)
    if (row.columns <= (NV - 1) * kLanes<T> + kLanes<T> / 2) return dense_tiles<T, NV, true>(row);
  dense_tiles<T, NV, false>(row);
}
template <class T, int NV = max_vectors()>
void dense_panels(const DenseRow<T>& row) {
  if constexpr (NV > 1)
    if (row.vectors < NV) return dense_panels<T, NV - 1>(row);
  dense_panel<T, NV>(row);
}
template <class T>
void dense_row(const DenseRow<T>& row) {
  if (dense_in_passes(row)) return;
  dense_panels<T>(row);
}

// sums (R, NV vectors) += Σ narrow (R) ⊗ wide (NV vectors); the last vector has `last` lanes
template <class T, int NV, int R>
__attribute__((noinline)) void outer_tile(const OuterSums<T>& of, const T* narrow, const T* wide, const First<T>& lanes,
                                          T* sums) {
  constexpr int L = kLanes<T>;
  const First<T> last = lanes;
  Vector<T> acc[R][NV];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      const T* from = sums + r * of.sums_step + j * L;
      acc[r][j] = !of.accumulate ? Vector<T>{} : j + 1 < NV ? load(from) : load(from, last);
    }
  const int64_t narrow_step = of.narrow.step, wide_step = of.wide.step;
  for (int64_t y = 0; y < of.rows; y++) {
    const T *p = narrow + y * of.narrow.row, *q = wide + y * of.wide.row;
    for (int64_t x = 0; x < of.columns; x++, p += narrow_step, q += wide_step) {
      Vector<T> v[NV];
#pragma GCC unroll 4
      for (int j = 0; j + 1 < NV; j++) v[j] = load(q + j * L);
      v[NV - 1] = load(q + (NV - 1) * L, last);
      if (of.from_memory) {
        fetch_ahead(p);
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++) fetch_ahead(q + j * L);
      }
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        const Vector<T> a = splat(p[r]);
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++) acc[r][j] += a * v[j];
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    T* o = sums + r * of.sums_step;
#pragma GCC unroll 4
    for (int j = 0; j + 1 < NV; j++) store(o + j * L, acc[r][j]);
    store(o + (NV - 1) * L, acc[r][NV - 1], last);
  }
}
template <class T, int NV, int R>
void outer_tile_of(int64_t count, const OuterSums<T>& of, const T* narrow, const T* wide, const First<T>& last,
                   T* sums) {
  if constexpr (R > 1)
    if (count < R) return outer_tile_of<T, NV, R - 1>(count, of, narrow, wide, last, sums);
  outer_tile<T, NV, R>(of, narrow, wide, last, sums);
}
template <class T, int NV = max_vectors()>
void outer_panel(int64_t vectors, const OuterSums<T>& of, int64_t first, const First<T>& last) {
  if constexpr (NV > 1)
    if (vectors < NV) return outer_panel<T, NV - 1>(vectors, of, first, last);
  constexpr int R = tile_pixels(NV);
  const int64_t tiles = (of.narrow_channels + R - 1) / R;
  for (int64_t i = 0, r = 0; i < tiles; i++) {
    const int64_t next = of.narrow_channels * (i + 1) / tiles;
    outer_tile_of<T, NV, R>(next - r, of, of.narrow.data + r, of.wide.data + first, last,
                            of.sums + r * of.sums_step + first);
    r = next;
  }
}
template <class T>
void outer_sums(const OuterSums<T>& of) {
  constexpr int L = kLanes<T>;
  const int64_t vectors = (of.wide_channels + L - 1) / L, panels = (vectors + max_vectors() - 1) / max_vectors();
  for (int64_t i = 0, v = 0; i < panels; i++) {
    const int64_t next = vectors * (i + 1) / panels, end = next * L < of.wide_channels ? next * L : of.wide_channels;
    outer_panel<T>(next - v, of, v * L, first_lanes<T>(end - (next - 1) * L));
    v = next;
  }
}

}  // namespace
