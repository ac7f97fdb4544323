#pragma once
#include "core/kernels/bf16_products.h"
#include "core/kernels/rows.h"

namespace ghost::isa {

// All kernels of one instruction set.
struct KernelSet {
  const char* name;
  int vector_bytes;
  RowKernels<float> f32;
  RowKernels<double> f64;
  RowPasses<float> passes_f32;
  RowPasses<double> passes_f64;
  RowPasses<bf16> passes_bf16;
};

extern const KernelSet baseline;
#if defined(__x86_64__)
extern const KernelSet avx2, avx512;                              // x86-64-v3 and x86-64-v4
extern const Bf16Products avx512bf16_products, amxbf16_products;  // AVX512_BF16; AMX beside it
#endif

}  // namespace ghost::isa
