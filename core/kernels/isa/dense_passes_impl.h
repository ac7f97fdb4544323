// A dense row of few channels whose result stays in a cache, as Winograd's products are:
//   out[x] (vectors) = or += Σ over channels of in[x][k] · weight[k] (vectors)
//   for some channels at a time: their weights into registers; for each pixel: for each of these channels a broadcast
//   and a multiplication with addition
// Sums over 8 or 16 channels are too short for a register tile (dense_impl.h): it takes longer to begin and end than to
// multiply, and its broadcasts from pixels a cache line apart come slower than from one. Sums of more channels pass
// through memory between the passes, so tiles are as fast for many channels. Pointwise rows from and to memory gain
// nothing certain. Where columns fill half a vector, channels are taken in pairs: a pair is broadcast at once, to
// weights that lie side by side for both, and in the end neighbouring lanes are added, those of two pixels to one
// vector of results.
#pragma once
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::DenseRow;

#if GHOST_VECTOR_BYTES == 64
// Some of the channels of a row, and up to two vectors of what they are summed to.
template <class T>
struct DensePass {
  int64_t pixels;
  const T* in;
  int64_t in_step;
  const T* weight;
  int64_t weight_step;  // from one channel (or pair) to the next
  T* out;
  int64_t out_step, columns;
  bool accumulate;
};
constexpr int kPassWeights = 16;  // vectors

template <class T, int NV, int K, class Last, class Start>
GHOST_INLINE void dense_pass_pixels(const DensePass<T>& pass, const Vector<T> (*w)[NV], Last last, Start start) {
  constexpr int L = kLanes<T>;
  const int64_t in_step = pass.in_step, out_step = pass.out_step;
  const T* in = pass.in;
  T* out = pass.out;
  for (int64_t n = pass.pixels; n > 0; n--, in += in_step, out += out_step) {
    Vector<T> sum[NV], odd[NV];  // one chain would wait for each addition
#pragma GCC unroll 16
    for (int k = 0; k < K; k++) {
      const Vector<T> a = splat(in[k]);
#pragma GCC unroll 2
      for (int j = 0; j < NV; j++) {
        Vector<T>& to = k % 2 ? odd[j] : sum[j];
        to = k == 0 ? start(out + j * L, j, a * w[k][j]) : k == 1 ? a * w[k][j] : to + a * w[k][j];
      }
    }
#pragma GCC unroll 2
    for (int j = 0; j < NV; j++) {
      const Vector<T> v = K > 1 ? sum[j] + odd[j] : sum[j];
      if (j + 1 < NV)
        store(out + j * L, v);
      else
        store(out + j * L, v, last);
    }
  }
}
template <class T, int NV, int K>
__attribute__((noinline)) void dense_pass(const DensePass<T>& pass) {
  constexpr int L = kLanes<T>;
  Vector<T> w[K][NV];
#pragma GCC unroll 16
  for (int k = 0; k < K; k++)
#pragma GCC unroll 2
    for (int j = 0; j < NV; j++) w[k][j] = load(pass.weight + k * pass.weight_step + j * L);
  const auto pixels = [&](auto last) __attribute__((always_inline)) {
    if (pass.accumulate)
      dense_pass_pixels<T, NV, K>(
          pass, w, last, [=](const T* out, int j, Vector<T> v) __attribute__((always_inline)) {
            return v + (j + 1 < NV ? load(out) : load(out, last));
          });
    else
      dense_pass_pixels<T, NV, K>(
          pass, w, last, [](const T*, int, Vector<T> v) __attribute__((always_inline)) { return v; });
  };
  if (pass.columns == NV * L)
    pixels(All{});
  else
    pixels(first_lanes<T>(pass.columns - (NV - 1) * L));
}
// The pass of exactly `channels` ≤ K channels.
template <class T, int NV, int K>
void dense_pass_of(int64_t channels, const DensePass<T>& pass) {
  if constexpr (K > 1)
    if (channels < K) return dense_pass_of<T, NV, K - 1>(channels, pass);
  dense_pass<T, NV, K>(pass);
}

using PairOfFloats __attribute__((aligned(alignof(float)), may_alias)) = int64_t;
// One pixel, or two.
template <int P, bool Two, bool Add>
GHOST_INLINE void paired_pixels(const DensePass<float>& pass, const Vector<float>* w, const float* in, float* out) {
  constexpr int H = kLanes<float> / 2;
  Vector<float> sum[2] = {};
#pragma GCC unroll 2
  for (int x = 0; x < (Two ? 2 : 1); x++)
#pragma GCC unroll 8
    for (int k = 0; k < P; k++) {
      const auto a = reinterpret_cast<Vector<float>>(
          splat<int64_t>(*reinterpret_cast<const PairOfFloats*>(in + x * pass.in_step + 2 * k)));
      sum[x] = k == 0 ? a * w[k] : sum[x] + a * w[k];
    }
  const Vector<float> v =
      __builtin_shufflevector(sum[0], sum[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
      __builtin_shufflevector(sum[0], sum[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  if constexpr (Two) {
    store(out, Add ? v + load(out) : v);
  } else {
    const First<float> half = first_lanes<float>(H);
    store(out, Add ? v + load(out, half) : v, half);
  }
}
template <int P, bool Add>
GHOST_INLINE void paired_row(const DensePass<float>& pass, const Vector<float>* w) {
  const float* in = pass.in;
  float* out = pass.out;
  int64_t n = pass.pixels;
  for (; n >= 2; n -= 2, in += 2 * pass.in_step, out += kLanes<float>) paired_pixels<P, true, Add>(pass, w, in, out);
  if (n) paired_pixels<P, false, Add>(pass, w, in, out);
}
template <int P>
__attribute__((noinline)) void paired_pass(const DensePass<float>& given) {
  const DensePass<float> pass = given;
  Vector<float> w[P];
#pragma GCC unroll 8
  for (int k = 0; k < P; k++) w[k] = load(pass.weight + k * pass.weight_step);
  if (pass.accumulate)
    paired_row<P, true>(pass, w);
  else
    paired_row<P, false>(pass, w);
}
template <int P>
void paired_pass_of(int64_t pairs, const DensePass<float>& pass) {
  if constexpr (P > 1)
    if (pairs < P) return paired_pass_of<P - 1>(pairs, pass);
  paired_pass<P>(pass);
}

// f(pass, count) for nearly equal parts of at most `most` channels (or pairs: of so many elements).
template <class T, class F>
GHOST_INLINE void for_passes(const DenseRow<T>& row, int64_t count, int64_t most, int64_t weight_step, F f) {
  const int64_t parts = (count + most - 1) / most, elements = row.channels / count;
  for (int64_t i = 0, k = 0; i < parts; i++) {
    const int64_t next = count * (i + 1) / parts;
    f(DensePass<T>{.pixels = row.pixels,
                   .in = row.in + row.taps.offset[0] + k * elements,
                   .in_step = row.in_step,
                   .weight = row.weight + k * weight_step,
                   .weight_step = weight_step,
                   .out = row.out,
                   .out_step = row.out_step,
                   .columns = row.columns,
                   .accumulate = row.accumulate || i > 0},
      next - k);
    k = next;
  }
}
template <class T, int NV>
void dense_passes(const DenseRow<T>& row, int64_t first_vector) {
  constexpr int L = kLanes<T>, K = kPassWeights / NV;
  const int64_t first = first_vector * L, columns = row.columns - first;
  for_passes(
      row, row.channels, K, row.vectors * L, [=](DensePass<T> pass, int64_t channels) __attribute__((always_inline)) {
        pass.weight += first, pass.out += first;
        pass.columns = columns < NV * L ? columns : NV * L;
        dense_pass_of<T, NV, K>(channels, pass);
      });
}

template <class T>
constexpr int64_t paired_columns() {
  return sizeof(T) == 4 ? kLanes<T> / 2 : 0;
}
// Whether the row is computed here, and so it is.
template <class T>
bool dense_in_passes(const DenseRow<T>& row) {
  constexpr int64_t kChannels = 32;
  if constexpr (sizeof(T) == 4)
    if (row.pairs) {
      constexpr int P = kPassWeights / 2;
      for_passes(
          row, row.channels / 2, P, kLanes<T>,
          [](const DensePass<T>& pass, int64_t pairs)
              __attribute__((always_inline)) { paired_pass_of<P>(pairs, pass); });
      return true;
    }
  if (row.taps.count != 1 || row.channels > kChannels || row.bias || row.from_memory || row.to_memory) return false;
  int64_t v = 0;
  for (; v + 2 <= row.vectors; v += 2) dense_passes<T, 2>(row, v);
  if (v < row.vectors) dense_passes<T, 1>(row, v);
  return true;
}
#else
template <class T>
constexpr int64_t paired_columns() {
  return 0;
}
template <class T>
bool dense_in_passes(const DenseRow<T>&) {
  return false;
}
#endif

}  // namespace
