// Products of pairs of bf16 by vdpbf16ps (AVX512_BF16), which multiplies two pairs and adds both products to a float.
// The tiles are those of dense_impl.h with a pair of channels, or of pixels, in place of one.
#pragma once
#include "core/kernels/bf16_products.h"
#include "core/kernels/isa/vector.h"

namespace {

using ghost::PairedRow;
using ghost::PairedSums;

constexpr int L = kLanes<float>, kMaxVectors = 4;
constexpr int tile_pixels(int vectors) { return vectors == 1 ? 16 : vectors == 2 ? 12 : vectors == 3 ? 8 : 6; }

using Pairs = __m512bh;
using PairInMemory __attribute__((aligned(2), may_alias)) = int32_t;
GHOST_INLINE Pairs load_pairs(const bf16* p) { return reinterpret_cast<Pairs>(_mm512_loadu_si512(p)); }
GHOST_INLINE __m512i splat_pair(const bf16* p) { return _mm512_set1_epi32(*reinterpret_cast<const PairInMemory*>(p)); }
GHOST_INLINE Vector<float> dot(Vector<float> sum, Pairs a, Pairs b) {
  return reinterpret_cast<Vector<float>>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), a, b));
}
// Half a vector of columns, there twice.
GHOST_INLINE Pairs load_half_twice(const bf16* p) {
  return reinterpret_cast<Pairs>(_mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
}
GHOST_INLINE Vector<float> upper_half(Vector<float> v) {
  return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
}

// With `Halves`, columns fill half of the last vector or less, and two pixels share one there.
template <int NV, int MR, bool Halves>
__attribute__((noinline)) void row_tile(const PairedRow& row, const bf16* in, bf16* out) {
  constexpr int F = Halves ? NV - 1 : NV;
  constexpr __mmask16 kUpper = 0xff00;
  const int64_t step = row.in_step, pairs = row.pairs;
  const bf16* b = row.weight;
  Vector<float> acc[MR][F > 0 ? F : 1], shared[(MR + 1) / 2];
#pragma GCC unroll 16
  for (int r = 0; r < MR; r++)
#pragma GCC unroll 4
    for (int j = 0; j < F; j++) acc[r][j] = row.bias ? load(row.bias + j * L) : Vector<float>{};
  if constexpr (Halves)
#pragma GCC unroll 8
    for (int i = 0; i < (MR + 1) / 2; i++)
      shared[i] = row.bias ? load(row.bias + F * L, TwoPixels<float>{0}) : Vector<float>{};
  for (int64_t t = 0; t < row.taps; t++) {
    const bf16* p[(MR + 2) / 3];  // one pointer for three pixels: the others are reached by addressing
    for (int r = 0; r < (MR + 2) / 3; r++) p[r] = in + row.offset[t] + 3 * r * step;
    for (int64_t k = 0; k < pairs; k++, b += 2 * NV * L) {
      Pairs v[NV];
      __m512i a = {};
#pragma GCC unroll 4
      for (int j = 0; j < F; j++) v[j] = load_pairs(b + 2 * j * L);
      if constexpr (Halves) v[F] = load_half_twice(b + 2 * F * L);
#pragma GCC unroll 16
      for (int r = 0; r < MR; r++) {
        [[maybe_unused]] const __m512i before = a;
        a = splat_pair(p[r / 3] + r % 3 * step + 2 * k);
#pragma GCC unroll 4
        for (int j = 0; j < F; j++) acc[r][j] = dot(acc[r][j], reinterpret_cast<Pairs>(a), v[j]);
        if constexpr (Halves) {
          if (r % 2)
            shared[r / 2] =
                dot(shared[r / 2], reinterpret_cast<Pairs>(_mm512_mask_blend_epi32(kUpper, before, a)), v[F]);
          else if (r + 1 == MR)
            shared[r / 2] = dot(shared[r / 2], reinterpret_cast<Pairs>(a), v[F]);
        }
      }
    }
  }
  const First<float> last = first_lanes<float>(row.columns - (NV - 1) * L);
#pragma GCC unroll 16
  for (int r = 0; r < MR; r++) {
    bf16* o = out + r * row.out_step;
    Vector<float> end;
    if constexpr (Halves)
      end = r % 2 ? upper_half(shared[r / 2]) : shared[r / 2];
    else
      end = acc[r][NV - 1];
    if (row.accumulate) {
#pragma GCC unroll 4
      for (int j = 0; j + 1 < NV; j++) acc[r][j] += load(o + j * L);
      end += load(o + (NV - 1) * L, last);
    }
#pragma GCC unroll 4
    for (int j = 0; j + 1 < NV; j++) store(o + j * L, acc[r][j]);
    store(o + (NV - 1) * L, end, last);
  }
}
// The tile of exactly `pixels` ≤ MR pixels.
template <int NV, int MR, bool Halves>
void row_tile_of(int64_t pixels, const PairedRow& row, const bf16* in, bf16* out) {
  if constexpr (MR > 1)
    if (pixels < MR) return row_tile_of<NV, MR - 1, Halves>(pixels, row, in, out);
  row_tile<NV, MR, Halves>(row, in, out);
}
template <int NV, bool Halves>
void row_tiles(const PairedRow& row) {
  constexpr int M = tile_pixels(NV);
  for (int64_t begin = 0, pixel = 0; begin < row.positions; begin += row.pitch, pixel += row.length) {
    const int64_t left = row.positions - begin, length = left < row.length ? left : row.length;
    const int64_t tiles = (length + M - 1) / M;
    for (int64_t i = 0, x = 0; i < tiles; i++) {
      const int64_t next = length * (i + 1) / tiles;
      row_tile_of<NV, M, Halves>(next - x, row, row.in + (begin + x) * row.in_step,
                                 row.out + (pixel + x) * row.out_step);
      x = next;
    }
  }
}
template <int NV = kMaxVectors>
void row_panel(const PairedRow& row) {
  if constexpr (NV > 1) {
    if (row.vectors < NV) return row_panel<NV - 1>(row);
    if (row.columns <= (NV - 1) * L + L / 2) return row_tiles<NV, true>(row);
  }
  row_tiles<NV, false>(row);
}

template <int NV, int R>
__attribute__((noinline)) void sums_tile(const PairedSums& of, const bf16* narrow, const bf16* wide,
                                         const First<float>& last, float* sums) {
  const __mmask16 mask = last.mask;
  Vector<float> acc[R][NV];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      const float* from = sums + r * of.sums_step + j * L;
      acc[r][j] = !of.accumulate ? Vector<float>{} : j + 1 < NV ? load(from) : load(from, last);
    }
  const int64_t narrow_step = 2 * of.narrow_channels, wide_step = 2 * of.wide_channels;
  for (int64_t k = 0; k < of.pairs; k++, narrow += narrow_step, wide += wide_step) {
    Pairs v[NV];
#pragma GCC unroll 4
    for (int j = 0; j + 1 < NV; j++) v[j] = load_pairs(wide + 2 * j * L);
    v[NV - 1] = reinterpret_cast<Pairs>(_mm512_maskz_loadu_epi32(mask, wide + 2 * (NV - 1) * L));
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const Pairs a = reinterpret_cast<Pairs>(splat_pair(narrow + 2 * r));
#pragma GCC unroll 4
      for (int j = 0; j < NV; j++) acc[r][j] = dot(acc[r][j], a, v[j]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    float* o = sums + r * of.sums_step;
#pragma GCC unroll 4
    for (int j = 0; j + 1 < NV; j++) store(o + j * L, acc[r][j]);
    store(o + (NV - 1) * L, acc[r][NV - 1], last);
  }
}
template <int NV, int R>
void sums_tile_of(int64_t count, const PairedSums& of, const bf16* narrow, const bf16* wide, const First<float>& last,
                  float* sums) {
  if constexpr (R > 1)
    if (count < R) return sums_tile_of<NV, R - 1>(count, of, narrow, wide, last, sums);
  sums_tile<NV, R>(of, narrow, wide, last, sums);
}
template <int NV = kMaxVectors>
void sums_panel(int64_t vectors, const PairedSums& of, int64_t first, const First<float>& last) {
  if constexpr (NV > 1)
    if (vectors < NV) return sums_panel<NV - 1>(vectors, of, first, last);
  constexpr int R = tile_pixels(NV);
  const int64_t tiles = (of.narrow_channels + R - 1) / R;
  for (int64_t i = 0, r = 0; i < tiles; i++) {
    const int64_t next = of.narrow_channels * (i + 1) / tiles;
    sums_tile_of<NV, R>(next - r, of, of.narrow + 2 * r, of.wide[0] + 2 * first, last,
                        of.sums + r * of.sums_step + first);
    r = next;
  }
}
void paired_sums_of_tap(const PairedSums& of) {
  const int64_t vectors = (of.wide_channels + L - 1) / L, panels = (vectors + kMaxVectors - 1) / kMaxVectors;
  for (int64_t i = 0, v = 0; i < panels; i++) {
    const int64_t next = vectors * (i + 1) / panels, end = next * L < of.wide_channels ? next * L : of.wide_channels;
    sums_panel(next - v, of, v * L, first_lanes<float>(end - (next - 1) * L));
    v = next;
  }
}

void paired_sums(const PairedSums& all) {
  PairedSums of = all;
  for (int64_t t = 0; t < all.taps; t++, of.wide++, of.sums += of.tap_step) paired_sums_of_tap(of);
}

void pair_pixels(bf16* to, const bf16* from, int64_t step, int64_t pixels, int64_t channels) {
  for (int64_t x = 0; x < pixels; x += 2, from += 2 * step, to += 2 * channels) {
    const bool both = x + 1 < pixels;
    for (int64_t c = 0; c < channels; c += L) {
      const int64_t rest = channels - c;
      const auto mask = static_cast<__mmask16>(rest >= L ? 0xffff : (1 << rest) - 1);
      const __m256i a = _mm256_maskz_loadu_epi16(mask, from + c),
                    b = both ? _mm256_maskz_loadu_epi16(mask, from + step + c) : __m256i{};
      const __m512i pairs = _mm512_or_si512(_mm512_cvtepu16_epi32(a), _mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16));
      _mm512_mask_storeu_epi32(to + 2 * c, mask, pairs);
    }
  }
}

}  // namespace
