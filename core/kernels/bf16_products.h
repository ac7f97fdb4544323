// Products of values that are stored as bf16, two at a time, summed in f32: what processors with instructions for it do
// in place of the dense kernels of rows.h.
#pragma once
#include <cstdint>

#include "core/bf16.h"

namespace ghost {

// out (pixels, columns) = or += bias + Σ over pairs of channels of in · weight, rounded when it is stored.
struct PairedRow {
  int64_t pixels;
  const bf16* in;
  int64_t in_step, pairs;
  const bf16* weight;  // [pair][vectors · lanes][2]
  const float* bias;   // [vectors · lanes], or null
  int64_t vectors;     // 1 … max_vectors
  bf16* out;
  int64_t out_step, columns;  // (vectors − 1) · lanes < columns ≤ vectors · lanes
  bool accumulate;
};

// sums (N, W) = or += Σ over pairs of pixels of narrow (N) ⊗ wide (W)
struct PairedSums {
  int64_t pairs;
  const bf16 *narrow, *wide;  // [pair][channel][2], and kReadBeyond elements that may be read
  int64_t narrow_channels, wide_channels;
  float* sums;
  int64_t sums_step;
  bool accumulate;
};

constexpr int64_t kReadBeyond = 32;

struct Bf16Products {
  void (*row)(const PairedRow&);
  void (*sums)(const PairedSums&);
  // to [pair][channel][2] of (pixels, C); an odd last pixel is paired with zeros
  void (*pair_pixels)(bf16* to, const bf16* from, int64_t step, int64_t pixels, int64_t channels);
  int64_t lanes;        // columns of a vector
  int64_t max_vectors;  // that a row computes at a time
};

// Those of the instruction set in use (isa.h); null: it has none.
const Bf16Products* bf16_products();

}  // namespace ghost
