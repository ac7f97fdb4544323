// Weights of a convolution for products of pairs of bf16, and their gradient by such products.
#pragma once
#include <memory>
#include <vector>

#include "core/autograd.h"
#include "core/kernels/bf16_products.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/packed_weights.h"

namespace ghost {

// Some positions that products read, and how they follow each other.
struct PairedBlock {
  const bf16* data;  // of the first position that is one of a pixel
  int64_t step;      // from position to position
  int64_t pitch;     // positions of a row, where rows do not simply follow each other; else 0
};

// Weights as the products read them, for `columns` channels of the result from `first` on. transposed: for the gradient
// of the input, with the kernel turned around. weight (O, KH, KW, I) f32; bias (O), or null.
class PairedWeights {
 public:
  PairedWeights(const Bf16Products& products, const Conv2dShape& s, const Array& weight, const float* bias,
                bool transposed, int64_t first, int64_t columns);
  // out = or += pixels that follow each other, or `pixels` of rows of `width` where the block has a pitch.
  void multiply(int64_t pixels, int64_t width, const PairedBlock& in, bf16* out, int64_t out_step,
                bool accumulate) const;

 private:
  struct Panel {
    int64_t first, columns, vectors;
  };
  void pack_rows(const float* w, int64_t step, int64_t columns, int64_t width, bf16* to) const;
  void pack_columns(const float* w, int64_t step, int64_t columns, int64_t width, bf16* to) const;

  const Bf16Products& products_;
  int64_t from_, taps_;
  std::vector<int64_t> offset_;
  std::vector<Panel> panels_;
  PackedWeightsPtr packed_;
  std::unique_ptr<Storage> storage_;
  const bf16* weight_ = nullptr;
  std::vector<float> bias_;
};

// The weight's gradient, gathered chunk by chunk and combined in chunk order.
class PairedWeightGradient {
 public:
  PairedWeightGradient(const Bf16Products& products, const Conv2dShape& s, int64_t chunks);
  // x and g: blocks of the same positions, with zeros in g where there is no pixel.
  void add(int64_t chunk, int64_t positions, const PairedBlock& x, const PairedBlock& g);
  void write(const GradSink::Slot& slot);

 private:
  int64_t padded(int64_t channels) const;
  float* partial(int64_t chunk) { return static_cast<float*>(storage_.data()) + chunk * s_.weights(); }
  const Bf16Products& products_;
  const Conv2dShape s_;
  bool x_is_wide_;  // a partial sum lies as the weight does then, else (I, O)
  std::vector<char> begun_;
  Storage storage_;
};

}  // namespace ghost
