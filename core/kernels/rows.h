// Loops over one row of pixels (W, C), channels last, compiled once per instruction set and chosen at start. They take
// plain pointers only: a unit compiled for AVX-512 must export no inline function of a shared header, or the linker may
// hand that copy to baseline code.
#pragma once
#include <cstdint>

namespace ghost {

// value = floor > v ? floor : v,  v = raw·scale + shift, per channel (C each)
template <class T>
struct RowTransform {
  const T *scale, *shift, *floor;
};
// gradient = on_g·(mask ? g : 0) + on_raw·raw + offset, mask = raw·scale + shift > floor, per channel (C each)
template <class T>
struct RowGradient {
  RowTransform<T> mask;
  const T *on_g, *on_raw, *offset;
};

// A step is the distance from one pixel to the next, in elements.
template <class T>
struct RowKernels {
  // dst (W, C) = transform(src); t null: copy
  void (*transform)(T* dst, int64_t dst_step, const T* src, int64_t src_step, int64_t w, int64_t c,
                    const RowTransform<T>* t);
  // dst (W, C) = or += gradient of one row; dst may be g; t null: g as it stands (raw is not read then)
  void (*gradient)(T* dst, int64_t dst_step, const T* g, int64_t g_step, const T* raw, int64_t raw_step, int64_t w,
                   int64_t c, const RowGradient<T>* t, bool accumulate);
  // sum[c] += Σ mask·g, centred[c] += Σ mask·g·(raw − mean)
  void (*sums)(double* sum, double* centred, const T* g, int64_t g_step, const T* raw, int64_t raw_step, int64_t w,
               int64_t c, const RowTransform<T>& mask, const T* mean);
  // sum[c] += Σ (z − pivot), square[c] += Σ (z − pivot)²
  void (*statistics)(double* sum, double* square, const T* pivot, const T* z, int64_t step, int64_t w, int64_t c);
};

// The best set this processor runs; GHOST_ISA=baseline|avx2|avx512 forces one (an error if it cannot run here).
template <class T>
const RowKernels<T>& rows();
const char* isa_name();  // "avx512"

}  // namespace ghost
