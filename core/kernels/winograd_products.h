// What Winograd's convolution multiplies between its transforms: 36 elements for each tile of 4×4 pixels, each element
// a matrix (tiles, channels).
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "core/autograd.h"
#include "core/kernels/ahead.h"
#include "core/kernels/conv2d.h"
#include "core/memory.h"

namespace ghost {

constexpr int64_t kWinogradElements = 36;

// From one element of a block of tiles, of weights or of their sums to the next. A cache line more than they need: all
// 36 are written for each tile, and powers of two between them would put them all into the same few places of a cache.
constexpr int64_t winograd_element_step(int64_t tiles, int64_t channels) { return tiles * channels + 16; }

// Products of elements with transformed weights: (tiles, from) · (from, to) for each of the 36.
template <class T>
class WinogradProducts {
 public:
  // w (O, 3, 3, I). transposed: for the gradient of the input, which is the convolution of the output's with the
  // weights turned around.
  WinogradProducts(const Conv2dShape& s, const T* w, bool transposed)
      : WinogradProducts(s, w, transposed, 0, transposed ? s.ci : s.co) {}
  // The products for this many columns of the result, from the first given one on.
  WinogradProducts(const Conv2dShape& s, const T* w, bool transposed, int64_t first_column, int64_t columns);

  // out (36, tiles, columns) = in (36, tiles, from) · weights. Fetches all of `ahead` meanwhile.
  void operator()(int64_t tiles, const T* in, T* out, const Ahead& ahead) const;

 private:
  struct Panel {
    int64_t first, columns, vectors;
  };
  T* elements(int64_t e, const Panel& p) const {
    return static_cast<T*>(storage_->data()) + e * element_step() + p.first * from_;
  }
  int64_t element_step() const { return winograd_element_step(from_, padded_); }
  template <int64_t Joined>
  void gather(T* taps, const T* w, bool transposed, int64_t row, int64_t count) const;
  int64_t from_, to_, all_to_, padded_ = 0;
  int64_t joined_;  // channels of `from` whose weights lie side by side: 2 for pairs (DenseRow)
  std::vector<Panel> panels_;
  std::unique_ptr<Storage> storage_;
};

// Σ over tiles of gradient ⊗ input for each element, then the weight's gradient from it. Where these 36 sums are small
// beside the elements, every chunk of the loop over blocks keeps its own, and they are combined in chunk order; where
// they are large, the elements of some blocks are kept, and each sum is made from them at once by one thread. Memory is
// that of the sums and of as much in elements, or, where elements are fewer, of all these and of some rows of sums at a
// time: all sums together are four times the weights, and would be read back from memory.
template <class T>
class WinogradWeightSums {
 public:
  WinogradWeightSums(const Conv2dShape& s, int64_t tiles, int64_t blocks, int64_t most_tiles);  // in all, of a block
  int64_t chunks() const { return chunks_; }  // of the loop over blocks
  bool keeps() const { return keeps_; }
  int64_t blocks_kept() const { return blocks_kept_; }  // if keeps(): write_kept() is called after so many blocks

  // The elements of a block: q (36, tiles, co) of the gradient, v (36, tiles, ci) of the input.
  struct Place {
    T *q, *v;
    int64_t tiles;  // from one element to the next
  };
  void add_block(int64_t chunk, const Place& at, const Ahead& ahead);  // fetches `ahead` meanwhile
  void write(const GradSink::Slot& slot);

  // Where the elements of a block are kept that begins so many tiles after the first kept one.
  Place place(int64_t tile) const;
  // Adds the sums over the kept elements of this many tiles. `last`: they complete the gradient, which is written.
  void write_kept(const GradSink::Slot& slot, int64_t tiles, bool last);

 private:
  // Adds the sums over this many tiles for the weight's rows [first, first + count).
  void add(int64_t chunk, int64_t element, const Place& at, int64_t tiles, int64_t first, int64_t count,
           bool accumulate);
  void put(const GradSink::Slot& slot, int64_t first, int64_t begin, int64_t end) const;
  int64_t size() const { return kWinogradElements * ci_ * co_; }
  int64_t sum_step() const { return winograd_element_step(rows_, ci_); }
  T* partial(int64_t chunk) const { return static_cast<T*>(storage_->data()) + chunk * kWinogradElements * sum_step(); }
  int64_t ci_, co_, tiles_ = 0, blocks_kept_ = 0, chunks_ = 1;  // tiles that elements are kept of
  int64_t rows_;                                                // of the weight that there are sums of at a time
  bool keeps_ = false;
  std::vector<char> begun_;
  std::unique_ptr<Storage> storage_;
};

}  // namespace ghost
