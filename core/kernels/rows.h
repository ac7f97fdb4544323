// Loops over one row of pixels (W, C), channels last, compiled once per instruction set and chosen at start. They take
// plain pointers only: a unit compiled for AVX-512 must export no inline function of a shared header, or the linker may
// hand that copy to baseline code.
#pragma once
#include <cstdint>

#include "core/bf16.h"

namespace ghost {

// What a transform ends with, f(u). Slopes are functions of u; those of sigmoid, exp and sqrt of the value f(u).
enum class RowFunction : int8_t {
  none,
  hard_sigmoid,  // min(max(u + 3, 0), 6) / 6
  hardswish,     // u · hard_sigmoid(u)
  silu,          // u / (1 + exp(−u))
  gelu,          // u · Φ(u), Φ: normal distribution
  sigmoid,       // 1 / (1 + exp(−u))
  exp,
  log,
  sqrt,
};

// value = f(u),  u = min(max(v, floor), ceiling),  v = raw·scale + shift, per channel (C each). A NaN stays a NaN.
// Its slope, but for the factor scale, is 1 where floor < v < ceiling and else 0; that of a function is f'(u), since
// the bounds under it have a slope of their own.
template <class T>
struct RowTransform {
  const T *scale, *shift, *floor;
  const T* ceiling = nullptr;  // null: ∞ in all channels
  RowFunction function = RowFunction::none;
};
// gradient = on_g·slope·g + on_raw·raw + offset, the slope of `mask` at raw, per channel (C each)
template <class T>
struct RowGradient {
  RowTransform<T> mask;
  const T *on_g, *on_raw, *offset;
};

// A step is the distance from one pixel to the next, in elements.

// The taps of a convolution as one output row sees them: tap t of the output pixel x reads the input at
// in + x · in_step + offset[t]. They come in runs of `run` taps whose offsets grow by in_step / run_stride (run 1: no
// such runs).
struct RowTaps {
  int64_t count;
  const int64_t* offset;
  int64_t run, run_stride = 1;
};

// out (pixels, columns) = or += bias + Σ_t Σ_k in[k] · weight[t][k]
template <class T>
struct DenseRow {
  int64_t pixels;
  const T* in;
  int64_t in_step, channels;  // channels: summed over
  RowTaps taps;
  const T* weight;  // [tap][channel][vectors · lanes]
  const T* bias;    // [vectors · lanes], or null
  int64_t vectors;  // 1 … max_vectors
  T* out;
  int64_t out_step, columns;  // (vectors − 1) · lanes < columns ≤ vectors · lanes
  bool accumulate;
  bool from_memory = false;  // the input is not staged: ask for later pixels
  bool to_memory = false;    // the result leaves the caches: ask for where it goes
  // With RowKernels::paired_columns columns, side by side: weight [channel / 2][column][2], of one tap.
  bool pairs = false;
};

// out (pixels, C) = or += bias + Σ_t in · weight[t], channel by channel. repeat > 1: weight and bias are repeated that
// often, so that a vector may span several pixels; in_step and out_step are C then, and C · repeat fills whole vectors.
template <class T>
struct DepthwiseRow {
  int64_t pixels;
  const T* in;
  int64_t in_step, channels;
  RowTaps taps;
  const T* weight;  // [tap][C · repeat]
  const T* bias;    // [C · repeat], or null
  int64_t repeat;
  T* out;
  int64_t out_step;
  bool accumulate;
};

// out (pixels, C) = or += bias + Σ_t Σ_k in[⌊c / group⌋·group + k] · weight[t][k], group by group of as many inputs as
// outputs: 4 or 8, and less than a vector.
template <class T>
struct GroupedRow {
  int64_t pixels;
  const T* in;
  int64_t in_step, channels, group;
  RowTaps taps;
  const T* weight;  // [tap][group][C]
  const T* bias;    // [C], or null
  T* out;
  int64_t out_step;
  bool accumulate;
};

// A block of pixels (rows, columns, channels) in memory.
template <class T>
struct PixelBlock {
  const T* data;
  int64_t row, step;  // from one row and one pixel to the next
};

template <class T>
struct PixelRows {  // the same to write to
  T* data;
  int64_t row, step;
};

// sums (N, W) = or += Σ over rows × columns of narrow (N) ⊗ wide (W)
template <class T>
struct OuterSums {
  int64_t rows, columns;
  PixelBlock<T> narrow, wide;
  int64_t narrow_channels, wide_channels;
  T* sums;
  int64_t sums_step;
  bool accumulate;
  bool from_memory = false;  // not both are staged: ask for later pixels
};

// sums[t][c] = or += Σ over rows × columns of g[c] · x[c + offset[t]]. repeat > 1: x.step and g.step are C.
template <class T>
struct DepthwiseSums {
  int64_t rows, columns, channels;
  PixelBlock<T> x, g;
  RowTaps taps;
  int64_t repeat;
  T* sums;  // [tap][C]
  bool accumulate;
};

// sums[t][k][c] = or += Σ over rows × columns of g[c] · x[⌊c / group⌋·group + k + offset[t]], group as in GroupedRow
template <class T>
struct GroupedSums {
  int64_t rows, columns, channels, group;
  PixelBlock<T> x, g;
  RowTaps taps;
  T* sums;  // [tap][group][C]
  bool accumulate;
};

// Tiles of Winograd's convolution F(4×4, 3×3), side by side: tile i begins 4·i pixels after the first. Its element
// (a, b), 0 ≤ a, b < 6, lies at elements + (6·a + b)·element_step + i·channels.
template <class T>
struct WinogradInput {
  int64_t tiles, channels;
  const T* pixels;    // 6×6 of each tile (of a gradient 4×4)
  int64_t row, step;  // from one row and one pixel to the next
  T* elements;
  int64_t element_step;
};
template <class T>
struct WinogradOutput {
  int64_t tiles, channels;
  const T* elements;
  int64_t element_step, tile_step;  // tile i lies at i·tile_step instead: elements may hold more channels
  const T* bias;                    // [channels], or null
  T* pixels;                        // 4×4 of each tile, as far as they lie within rows × columns
  int64_t row, step, rows, columns;
  bool accumulate;  // without bias
};

// Passes over values as they are stored, S, computed in T.
template <class S>
struct RowPasses {
  using T = Compute<S>;
  // dst (W, C) = transform(src); t null: copy; dst may be src
  void (*transform)(S* dst, int64_t dst_step, const S* src, int64_t src_step, int64_t w, int64_t c,
                    const RowTransform<T>* t);
  // dst (W, C) = or += gradient of one row; dst may be g; t null: g as it stands (raw is not read then)
  void (*gradient)(S* dst, int64_t dst_step, const S* g, int64_t g_step, const S* raw, int64_t raw_step, int64_t w,
                   int64_t c, const RowGradient<T>* t, bool accumulate);
  // The same for h rows, into what is computed with: what rows begin with is shared by short ones.
  void (*stage)(const PixelRows<T>& dst, const PixelBlock<S>& src, int64_t h, int64_t w, int64_t c,
                const RowTransform<T>* t);
  void (*stage_gradient)(const PixelRows<T>& dst, const PixelBlock<S>& g, const PixelBlock<S>& raw, int64_t h,
                         int64_t w, int64_t c, const RowGradient<T>& t);
  // dst (W, C) = or += src, which may be one pixel with a step of 0
  void (*put)(S* dst, int64_t dst_step, const T* src, int64_t src_step, int64_t w, int64_t c, bool accumulate);
  // dst (W, C) = transform(x) + transform(y), transforms without functions
  void (*sum)(S* dst, int64_t dst_step, const S* x, int64_t x_step, const RowTransform<T>& of_x, const S* y,
              int64_t y_step, const RowTransform<T>& of_y, int64_t w, int64_t c);
  // sum[c] += Σ slope·g, centred[c] += Σ slope·g·(raw − mean), the slope of `mask`, whose function may pend
  void (*sums)(double* sum, double* centred, const S* g, int64_t g_step, const S* raw, int64_t raw_step, int64_t w,
               int64_t c, const RowTransform<T>& mask, const T* mean);
  // sum[c] += Σ g·transform(x), a transform whose function may pend
  void (*products)(double* sum, const S* g, int64_t g_step, const S* x, int64_t x_step, int64_t w, int64_t c,
                   const RowTransform<T>& of_x);
  // sum[c] += Σ (z − pivot), square[c] += Σ (z − pivot)²
  void (*statistics)(double* sum, double* square, const T* pivot, const S* z, int64_t step, int64_t w, int64_t c);
  // sum[c] += Σ z
  void (*column_sums)(double* sum, const S* z, int64_t step, int64_t w, int64_t c);
};

// What is computed from values that are staged, or lie in memory as they are.
template <class T>
struct RowKernels {
  // Convolution (core/kernels/conv2d_rows.cpp)
  void (*dense)(const DenseRow<T>&);
  void (*depthwise)(const DepthwiseRow<T>&);
  void (*outer_sums)(const OuterSums<T>&);
  void (*depthwise_sums)(const DepthwiseSums<T>&);
  void (*grouped)(const GroupedRow<T>&);
  void (*grouped_sums)(const GroupedSums<T>&);

  // Winograd's transforms (core/kernels/conv2d_winograd.cpp)
  void (*winograd_input)(const WinogradInput<T>&);
  void (*winograd_gradient)(const WinogradInput<T>&);
  void (*winograd_output)(const WinogradOutput<T>&);
  // 9 taps of `count` weights → 36 elements, and back for the gradient
  void (*winograd_weights)(T* elements, int64_t element_step, const T* w, int64_t tap_step, int64_t count);
  void (*winograd_weight_gradient)(T* w, int64_t tap_step, const T* elements, int64_t element_step, int64_t count,
                                   bool accumulate);

  // For measuring (bench/limits.cpp): `rounds` rounds of peak_flops operations each, in registers alone.
  // out (lanes): 0 ≤ out < 1 before, some sum afterwards
  void (*peak)(T* out, int64_t rounds);
  int64_t peak_flops;

  int64_t lanes;           // elements of a vector
  int64_t max_vectors;     // that a dense row computes at a time
  int64_t paired_columns;  // of dense rows that take channels in pairs, or 0
};

// The best set this processor runs; GHOST_ISA=baseline|avx2|avx512|avx512bf16|amxbf16 forces one (an error if it cannot
// run here).
template <class T>
const RowKernels<T>& rows();
template <class S>
const RowPasses<S>& passes();
const char* isa_name();  // "avx512bf16", whose other kernels are those of "avx512"
// The part of it that is in use: "avx512", where activations are stored as f32.
const char* isa_in_use();

}  // namespace ghost
