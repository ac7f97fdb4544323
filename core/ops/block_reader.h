// Reading finished values some pixels at a time, for operators that fold their input's pending transform.
#pragma once
#include <algorithm>
#include <type_traits>
#include <vector>

#include "core/kernels/chunked.h"

namespace ghost {

// One per thread. Reads straight from memory if nothing is pending and the channels lie together, else through the
// transform into memory of its own, which the next read overwrites. S: how the values are stored; they are read as what
// is computed with.
template <class S>
class BlockReader {
  using T = Compute<S>;

 public:
  struct Block {
    const T* data;  // (count, C)
    int64_t step;   // from one pixel to the next
    const T* pixel(int64_t i) const { return data + i * step; }
  };

  BlockReader(const Body& body, int64_t most_pixels) : pending_(body.materialised ? nullptr : body.pending) {
    const Array& raw = body.materialised ? body.materialised->raw : body.raw;
    for_channel_runs({&raw}, [&](int64_t channel, int64_t count) { from_.push_back(raw.view<S>(channel, count)); });
    if (!std::is_same_v<S, T> || pending_ || from_.size() != 1)
      scratch_ = Array::empty({most_pixels, raw.shape.channels()}, dtype_of<T>);
  }
  Block read(int64_t first, int64_t count) const {
    if constexpr (std::is_same_v<S, T>)
      if (!scratch_.defined()) return {from_[0].pixel(first), from_[0].stride};
    const int64_t c = scratch_.shape.channels();
    int64_t channel = 0;
    for (const View<S>& part : from_) {
      const RowTransform<T> t = pending_ ? row_transform<T>(*pending_, channel) : RowTransform<T>{};
      passes<S>().stage({scratch_.data<T>() + channel, 0, c}, {part.pixel(first), 0, part.stride}, 1, count,
                        part.channels(), pending_ ? &t : nullptr);
      channel += part.channels();
    }
    return {scratch_.data<T>(), c};
  }

 private:
  PendingPtr pending_;
  std::vector<View<S>> from_;
  Array scratch_;
};

}  // namespace ghost
