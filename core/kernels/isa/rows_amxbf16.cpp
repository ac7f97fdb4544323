// AMX: a tile product adds 16×16 sums of 16 pairs at once. Two by two tiles of sums are kept; what is left of the sum
// after whole tiles of pairs has tiles of its own, since a tile reads all it is made for, and what lies beyond a row
// may be no number. Few pixels or channels go the way of AVX512_BF16.
#define GHOST_VECTOR_BYTES 64
#include "core/kernels/isa/kernel_set.h"
#include "core/kernels/isa/paired_impl.h"

namespace {

constexpr int kSide = 16;  // rows, columns and pairs of a tile

// Tiles 0 to 3 are sums; 4 and 5 the factors; 6 and 7 those of the rest of the pairs.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
};
// Tiles are in use while one of these lives.
class Tiles {
 public:
  explicit GHOST_INLINE Tiles(int64_t rest) {
    TileConfig config;
    for (int i = 0; i < 8; i++) config.bytes[i] = 4 * kSide, config.rows[i] = kSide;
    if (rest > 0) config.bytes[6] = static_cast<uint16_t>(4 * rest), config.rows[7] = static_cast<uint8_t>(rest);
    _tile_loadconfig(&config);
  }
  GHOST_INLINE ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

// What a factor's tiles are read from: tile (i, k) at data + i · next + k · pairs, rows `row` apart, all in bytes.
struct Factor {
  const char* data;
  int64_t next, pairs, row;
};

// Adds the products of Rows × Columns tiles over all pairs of one tap to the tiles of sums.
template <int Rows, int Columns>
GHOST_INLINE void add_products(const Factor& a, const Factor& b, int64_t whole, int64_t rest) {
  for (int64_t k = 0; k < whole; k++) {
    const char *at = a.data + k * a.pairs, *bt = b.data + k * b.pairs;
    _tile_loadd(4, at, a.row);
    _tile_loadd(5, bt, b.row);
    _tile_dpbf16ps(0, 4, 5);
    if (Columns > 1) {
      _tile_loadd(5, bt + b.next, b.row);
      _tile_dpbf16ps(1, 4, 5);
    }
    if (Rows > 1) {
      _tile_loadd(4, at + a.next, a.row);
      if (Columns > 1) {
        _tile_dpbf16ps(3, 4, 5);
        _tile_loadd(5, bt, b.row);
      }
      _tile_dpbf16ps(2, 4, 5);
    }
  }
  if (rest == 0) return;
  const char *at = a.data + whole * a.pairs, *bt = b.data + whole * b.pairs;
  _tile_loadd(6, at, a.row);
  _tile_loadd(7, bt, b.row);
  _tile_dpbf16ps(0, 6, 7);
  if (Columns > 1) {
    _tile_loadd(7, bt + b.next, b.row);
    _tile_dpbf16ps(1, 6, 7);
  }
  if (Rows > 1) {
    _tile_loadd(6, at + a.next, a.row);
    if (Columns > 1) {
      _tile_dpbf16ps(3, 6, 7);
      _tile_loadd(7, bt, b.row);
    }
    _tile_dpbf16ps(2, 6, 7);
  }
}
template <int Rows, int Columns>
GHOST_INLINE void clear_sums() {
  _tile_zero(0);
  if (Columns > 1) _tile_zero(1);
  if (Rows > 1) _tile_zero(2);
  if (Rows > 1 && Columns > 1) _tile_zero(3);
}
// out (16 · Rows, 16 · Columns)
template <int Rows, int Columns>
GHOST_INLINE void store_sums(float* out) {
  constexpr int64_t kRow = int64_t{Columns} * kSide, kBytes = kRow * 4;
  _tile_stored(0, out, kBytes);
  if (Columns > 1) _tile_stored(1, out + kSide, kBytes);
  if (Rows > 1) _tile_stored(2, out + kSide * kRow, kBytes);
  if (Rows > 1 && Columns > 1) _tile_stored(3, out + kSide * kRow + kSide, kBytes);
}

// Positions [x + skip, x + 16 · Rows), and vectors [j, j + Columns).
template <int Rows, int Columns>
GHOST_INLINE void row_block(const PairedRow& row, int64_t x, int64_t skip, int64_t j, int64_t whole, int64_t rest) {
  alignas(64) float sums[Rows * Columns * kSide * kSide];
  const int64_t pixel = row.in_step * 2, width = row.vectors * L * 4;  // bytes
  clear_sums<Rows, Columns>();
  for (int64_t t = 0; t < row.taps; t++)
    add_products<Rows, Columns>(
        {reinterpret_cast<const char*>(row.in + row.offset[t]) + x * pixel, kSide * pixel, 4 * kSide, pixel},
        {reinterpret_cast<const char*>(row.weight) + t * row.pairs * width + j * 4 * L, 4 * L, kSide * width, width},
        whole, rest);
  store_sums<Rows, Columns>(sums);
  const int64_t columns = row.columns - j * L;
  int64_t line = (x + skip) / row.pitch, at = (x + skip) % row.pitch;
  for (int64_t r = skip; r < Rows * kSide; r++, at++) {
    if (at == row.pitch) line++, at = 0;
    if (at >= row.length) continue;
    bf16* out = row.out + (line * row.length + at) * row.out_step + j * L;
    for (int c = 0; c < Columns; c++, out += L) {
      Vector<float> v = load(sums + (r * Columns + c) * kSide);
      if (row.bias) v += load(row.bias + (j + c) * L);
      if (columns - c * L >= L) {
        if (row.accumulate) v += load(out);
        store(out, v);
      } else {
        const First<float> last = first_lanes<float>(columns - c * L);
        if (row.accumulate) v += load(out, last);
        store(out, v, last);
      }
    }
  }
}
template <int Rows>
void row_blocks(const PairedRow& row, int64_t x, int64_t skip, int64_t whole, int64_t rest) {
  int64_t j = 0;
  for (; j + 2 <= row.vectors; j += 2) row_block<Rows, 2>(row, x, skip, j, whole, rest);
  if (j < row.vectors) row_block<Rows, 1>(row, x, skip, j, whole, rest);
}
void tiled_row(const PairedRow& row) {
  if (row.positions < kSide) return row_panel<>(row);
  const int64_t whole = row.pairs / kSide, rest = row.pairs % kSide, end = row.positions;
  const Tiles tiles(rest);
  int64_t x = 0;
  for (; x + 2 * kSide <= end; x += 2 * kSide) row_blocks<2>(row, x, 0, whole, rest);
  if (x + kSide <= end) row_blocks<1>(row, x, 0, whole, rest), x += kSide;
  // The last positions: those before them are computed again, and not stored.
  if (x < end) row_blocks<1>(row, end - kSide, x - (end - kSide), whole, rest);
}

// to[n][k] = from[k][n] of 16×16 pairs; rows of `from` are `step` bytes apart. Only `pairs` of its rows are read, and
// `channels` of each.
GHOST_INLINE void transpose_pairs(char* to, const char* from, int64_t step, int64_t pairs, int64_t channels) {
  const auto mask = static_cast<__mmask16>(channels >= kSide ? 0xffff : (1 << channels) - 1);
  __m512i r[16], t[16];
#pragma GCC unroll 16
  for (int k = 0; k < 16; k++) r[k] = k < pairs ? _mm512_maskz_loadu_epi32(mask, from + k * step) : __m512i{};
#pragma GCC unroll 8
  for (int k = 0; k < 16; k += 2)
    t[k] = _mm512_unpacklo_epi32(r[k], r[k + 1]), t[k + 1] = _mm512_unpackhi_epi32(r[k], r[k + 1]);
#pragma GCC unroll 4
  for (int k = 0; k < 16; k += 4) {
    r[k] = _mm512_unpacklo_epi64(t[k], t[k + 2]), r[k + 1] = _mm512_unpackhi_epi64(t[k], t[k + 2]);
    r[k + 2] = _mm512_unpacklo_epi64(t[k + 1], t[k + 3]), r[k + 3] = _mm512_unpackhi_epi64(t[k + 1], t[k + 3]);
  }
  // r[4q + i]: of channels i, 4 + i, 8 + i, 12 + i the pairs 4q to 4q + 3.
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88), t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    _mm512_storeu_si512(to + (0 + i) * 64, _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88));
    _mm512_storeu_si512(to + (8 + i) * 64, _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd));
    _mm512_storeu_si512(to + (4 + i) * 64, _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88));
    _mm512_storeu_si512(to + (12 + i) * 64, _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd));
  }
}

constexpr int64_t kPairsAtOnce = 256;  // whose transposed factor is kept: 32 KiB for two tiles of rows

template <int Rows, int Columns>
GHOST_INLINE void sums_block(const PairedSums& of, const char* a, const bf16* wide, float* to_sums, int64_t n,
                             int64_t w, int64_t whole, int64_t rest, bool accumulate) {
  alignas(64) float sums[Rows * Columns * kSide * kSide];
  const int64_t row = of.wide_channels * 4;
  clear_sums<Rows, Columns>();
  add_products<Rows, Columns>({a, kPairsAtOnce / kSide * 1024, 1024, 64},
                              {reinterpret_cast<const char*>(wide) + w * 4, 4 * kSide, kSide * row, row}, whole, rest);
  store_sums<Rows, Columns>(sums);
  const int64_t rows = of.narrow_channels - n, columns = of.wide_channels - w;
  for (int64_t r = 0; r < Rows * kSide && r < rows; r++)
    for (int64_t c = 0; c < Columns; c++) {
      float* to = to_sums + (n + r) * of.sums_step + w + c * kSide;
      const First<float> lanes = first_lanes<float>(columns - c * kSide < L ? columns - c * kSide : L);
      Vector<float> v = load(sums + (r * Columns + c) * kSide);
      if (accumulate) v += load(to, lanes);
      store(to, v, lanes);
    }
}
template <int Rows>
void sums_blocks(const PairedSums& of, int64_t first, const char* a, int64_t n, int64_t whole, int64_t rest,
                 bool accumulate) {
  for (int64_t t = 0; t < of.taps; t++) {
    const bf16* wide = of.wide[t] + 2 * first * of.wide_channels;
    float* to = of.sums + t * of.tap_step;
    int64_t w = 0;
    for (; w + kSide < of.wide_channels; w += 2 * kSide)
      sums_block<Rows, 2>(of, a, wide, to, n, w, whole, rest, accumulate);
    if (w < of.wide_channels) sums_block<Rows, 1>(of, a, wide, to, n, w, whole, rest, accumulate);
  }
}
void tiled_sums(const PairedSums& of) {
  if (of.pairs < kSide) return paired_sums(of);
  alignas(64) char a[2 * kPairsAtOnce / kSide * 1024];
  const int64_t step = of.narrow_channels * 4;
  for (int64_t first = 0; first < of.pairs; first += kPairsAtOnce) {
    const int64_t pairs = of.pairs - first < kPairsAtOnce ? of.pairs - first : kPairsAtOnce;
    const bool accumulate = of.accumulate || first > 0;
    const int64_t whole = pairs / kSide, rest = pairs % kSide;
    const char* narrow = reinterpret_cast<const char*>(of.narrow) + first * step;
    const Tiles tiles(rest);
    for (int64_t n = 0; n < of.narrow_channels; n += 2 * kSide) {
      const int64_t two = of.narrow_channels - n > kSide ? 2 : 1;
      for (int64_t i = 0; i < two; i++)
        for (int64_t k = 0; k < pairs; k += kSide)
          transpose_pairs(a + (i * kPairsAtOnce + k) * 64, narrow + k * step + (n + i * kSide) * 4, step,
                          pairs - k < kSide ? pairs - k : kSide, of.narrow_channels - n - i * kSide);
      if (two == 2)
        sums_blocks<2>(of, first, a, n, whole, rest, accumulate);
      else
        sums_blocks<1>(of, first, a, n, whole, rest, accumulate);
    }
  }
}

}  // namespace

constinit const ghost::Bf16Products ghost::isa::amxbf16_products{.row = tiled_row,
                                                                 .sums = tiled_sums,
                                                                 .pair_pixels = pair_pixels,
                                                                 .tiled = true,
                                                                 .lanes = L,
                                                                 .max_vectors = kMaxVectors};
