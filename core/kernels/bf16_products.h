// Products of values that are stored as bf16, two at a time, summed in f32: what processors with instructions for it do
// in place of the dense kernels of rows.h.
#pragma once
#include <cstdint>

#include "core/bf16.h"

namespace ghost {

// out (positions, columns) = or += bias + Σ over taps and pairs of channels of in[position + tap] · weight, rounded
// when it is stored. Positions lie one after the other in rows of `pitch`, of which only the first `length` are pixels
// of the result; those follow each other without a gap.
struct PairedRow {
  int64_t positions;
  const bf16* in;
  int64_t in_step, pairs;
  int64_t taps;
  const int64_t* offset;  // of each tap, in elements
  const bf16* weight;     // [tap][pair][vectors · lanes][2]
  const float* bias;      // [vectors · lanes], or null
  int64_t vectors;        // 1 … max_vectors
  bf16* out;
  int64_t out_step, columns;  // (vectors − 1) · lanes < columns ≤ vectors · lanes
  int64_t length, pitch;
  bool accumulate;
};

// sums (tap, N, W) = or += Σ over pairs of pixels of narrow (N) ⊗ wide of the tap (W)
struct PairedSums {
  int64_t pairs;
  const bf16* narrow;  // [pair][channel][2]
  int64_t taps;
  const bf16* const* wide;  // for each tap the same, and kReadBeyond elements that may be read
  int64_t narrow_channels, wide_channels;
  float* sums;
  int64_t sums_step, tap_step;  // from one of the N to the next, from tap to tap
  bool accumulate;
};

constexpr int64_t kReadBeyond = 32;

struct Bf16Products {
  void (*row)(const PairedRow&);
  void (*sums)(const PairedSums&);
  // to [pair][channel][2] of (pixels, C); an odd last pixel is paired with zeros
  void (*pair_pixels)(bf16* to, const bf16* from, int64_t step, int64_t pixels, int64_t channels);
  bool tiled;           // a product of many channels costs little beside reading them
  int64_t lanes;        // columns of a vector
  int64_t max_vectors;  // that a row computes at a time
};

// Those of the instruction set in use (isa.h); null: it has none.
const Bf16Products* bf16_products();

}  // namespace ghost
