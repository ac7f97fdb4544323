// to[c][r] = from[r][c], as weights are packed and their gradients put back. Tiles of 4×4, in vectors for f32 (16
// bytes, which every processor has), along strips of 32 rows: their lines stay in the nearest cache while one strip
// after the other uses four columns of them, and are prefetched two lines ahead, as no processor follows so many rows
// on its own. Longer strips gain little, and lose more where rows lie a power of two apart.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace ghost {

constexpr int64_t kTransposeTile = 4;

// Both steps are from one row to the next.
template <class T>
void transpose_tile(T* to, int64_t to_step, const T* from, int64_t from_step) {
  if constexpr (std::is_same_v<T, float>) {
    using Four = float __attribute__((vector_size(16)));
    Four row[4];
    for (int64_t r = 0; r < 4; r++) __builtin_memcpy(&row[r], from + r * from_step, sizeof(Four));
    const Four upper_low = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5),
               upper_high = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7),
               lower_low = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5),
               lower_high = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    const Four column[4] = {__builtin_shufflevector(upper_low, lower_low, 0, 1, 4, 5),
                            __builtin_shufflevector(upper_low, lower_low, 2, 3, 6, 7),
                            __builtin_shufflevector(upper_high, lower_high, 0, 1, 4, 5),
                            __builtin_shufflevector(upper_high, lower_high, 2, 3, 6, 7)};
    for (int64_t c = 0; c < 4; c++) __builtin_memcpy(to + c * to_step, &column[c], sizeof(Four));
  } else {
    for (int64_t c = 0; c < kTransposeTile; c++)
      for (int64_t r = 0; r < kTransposeTile; r++) to[c * to_step + r] = from[r * from_step + c];
  }
}

template <class T>
void transpose(T* to, int64_t to_step, const T* from, int64_t from_step, int64_t rows, int64_t columns) {
  constexpr int64_t kStrip = 32, kAhead = 128 / sizeof(T);
  const int64_t tiled_rows = rows / kTransposeTile * kTransposeTile;
  const int64_t tiled_columns = columns / kTransposeTile * kTransposeTile;
  for (int64_t strip = 0; strip < tiled_rows; strip += kStrip)
    for (int64_t c = 0; c < tiled_columns; c += kTransposeTile)
      for (int64_t r = strip; r < std::min(strip + kStrip, tiled_rows); r += kTransposeTile) {
        const T* tile = from + r * from_step + c;
        for (int64_t i = 0; i < kTransposeTile; i++) __builtin_prefetch(tile + i * from_step + kAhead);
        transpose_tile(to + c * to_step + r, to_step, tile, from_step);
      }
  for (int64_t c = 0; c < columns; c++)
    for (int64_t r = c < tiled_columns ? tiled_rows : 0; r < rows; r++) to[c * to_step + r] = from[r * from_step + c];
}

}  // namespace ghost
