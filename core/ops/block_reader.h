// Reading finished values some pixels at a time, for operators that fold their input's pending transform.
#pragma once
#include <algorithm>

#include "core/kernels/chunked.h"

namespace ghost {

// How many pixels of this many channels stay in the nearest cache.
inline int64_t pixels_per_run(int64_t channels) { return std::max<int64_t>(1, 4096 / std::max<int64_t>(channels, 1)); }

// Sums per channel over fewer pixels than this cost more to end than to make.
constexpr int64_t kPixelsPerSum = 16;

// One per thread. Reads straight from memory if nothing is pending, else through the transform into memory of its own,
// which the next read overwrites.
template <class T>
class BlockReader {
 public:
  struct Block {
    const T* data;  // (count, C)
    int64_t step;   // from one pixel to the next
    const T* pixel(int64_t i) const { return data + i * step; }
  };

  BlockReader(const Body& body, int64_t most_pixels)
      : pending_(body.materialised ? nullptr : body.pending),
        from_((body.materialised ? body.materialised->raw : body.raw).template view<T>()) {
    if (pending_) scratch_ = Array::empty({most_pixels, from_.channels()}, body.raw.dtype);
  }
  Block read(int64_t first, int64_t count) const {
    if (!pending_) return {from_.pixel(first), from_.stride};
    const int64_t c = from_.channels();
    const RowTransform<T> t = row_transform<T>(*pending_);
    rows<T>().transform(scratch_.data<T>(), c, from_.pixel(first), from_.stride, count, c, &t);
    return {scratch_.data<T>(), c};
  }

 private:
  PendingPtr pending_;
  View<T> from_;
  Array scratch_;
};

// The sums of the gradient in a slot that asks for them, taken as it is written.
template <class T>
class SlotSums {
 public:
  SlotSums(const GradSink::Slot& slot, int64_t chunks) : to_(slot.to.view<T>()) {
    if (!slot.sums_for) return;
    raw_ = slot.sums_for->raw.view<T>();
    sums_.emplace_back(chunks, *slot.sums_for);
  }
  // After pixels [first, first + count) have got their last write.
  void add(int64_t chunk, int64_t first, int64_t count) {
    if (!sums_.empty()) sums_[0].add_row(chunk, to_.pixel(first), to_.stride, raw_.pixel(first), raw_.stride, count);
  }
  SumsPtr merged() const { return sums_.empty() ? nullptr : sums_[0].merged(); }

 private:
  View<T> to_, raw_;
  std::vector<ChunkedSums<T>> sums_;  // one or none
};

}  // namespace ghost
