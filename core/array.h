// Values in memory, without gradients: what kernels see. Users see Tensor.
#pragma once
#include <algorithm>
#include <initializer_list>
#include <memory>
#include <vector>

#include "core/dtype.h"
#include "core/memory.h"
#include "core/shape.h"

namespace ghost {

// A matrix of (pixels, channels) in memory: pixels = product of all dimensions but the last. A channel slice of a wider
// array is the same thing with a stride that exceeds its channels.
template <class T>
struct View {
  T* data = nullptr;
  Shape shape;         // (N, H, W, C) for activations
  int64_t stride = 0;  // elements from one pixel to the next, ≥ channels
  int64_t pixels() const { return shape.pixels(); }
  int64_t channels() const { return shape.channels(); }
  bool packed() const { return stride == channels() || pixels() <= 1; }
  T* pixel(int64_t p) const { return data + p * stride; }
  // (N, H, W, C) only
  int64_t n() const { return shape[0]; }
  int64_t h() const { return shape[1]; }
  int64_t w() const { return shape[2]; }
  int64_t c() const { return shape[3]; }
  T* row(int64_t image, int64_t y) const { return data + (image * shape[1] + y) * shape[2] * stride; }
};

struct PackedWeights;

// Version and ownership of one slice of a storage. A joined slice counts the changes of its parts.
struct SliceState {
  uint64_t changes = 0;
  std::weak_ptr<const void> saved;  // alive while some backward keeps these values, whatever becomes of the tensor
  std::vector<std::shared_ptr<SliceState>> parts;
  std::shared_ptr<const PackedWeights> packed;  // what a kernel made of these values (core/kernels/packed_weights.h)
  uint64_t version() const;
};

// Usually one matrix in memory. Or in parts: the channels lie in several arrays, side by side, as cat leaves them, and
// the array has no memory of its own. An array in parts is read by copy(), by packed() and run by run of channels
// (for_channel_runs).
struct Array {
  std::shared_ptr<Storage> storage;
  std::shared_ptr<SliceState> state;
  int64_t offset = 0;  // elements from the start of the storage
  Shape shape;
  int64_t stride = 0;
  DType dtype = DType::f32;
  std::shared_ptr<const std::vector<Array>> parts = nullptr;

  static Array empty(const Shape& shape, DType dtype);
  static Array zeros(const Shape& shape, DType dtype);
  static Array empty_parts(const Shape& shape, const std::vector<int64_t>& channels, DType dtype);
  // The channels of these side by side; they agree in dtype and all dimensions but the last.
  static Array join(const std::vector<Array>& arrays);

  bool defined() const { return storage != nullptr || parts; }
  bool in_parts() const { return parts != nullptr; }
  bool packed() const { return !parts && (stride == shape.channels() || shape.pixels() <= 1); }
  bool sole_owner() const { return state.use_count() == 1; }
  // Channels [first, first + count), owned separately: slices that are written to must not overlap.
  Array slice_channels(int64_t first, int64_t count) const;
  // The same elements under another shape; the array must be packed or in parts (then they are copied) unless only
  // leading dimensions change.
  Array with_shape(const Shape& shape) const;

  template <class T>
  T* data() const {
    return static_cast<T*>(storage->data()) + offset;
  }
  void* raw_data() const { return static_cast<char*>(storage->data()) + static_cast<size_t>(offset) * size_of(dtype); }
  template <class T>
  View<T> view() const {
    return {data<T>(), shape, stride};
  }
  // Channels [first, first + count), which lie in one part.
  template <class T>
  View<T> view(int64_t first, int64_t count) const {
    return run(first, count).view<T>();
  }
  // Where the part that holds this channel ends.
  int64_t part_end(int64_t channel) const;
  Array run(int64_t first, int64_t count) const;  // these channels, which lie in one part, with that part's state
};

// f(first, count) for runs of channels, each of which lies in one part of every array. The arrays have equally many
// channels; a null pointer is skipped.
template <class F>
void for_channel_runs(std::initializer_list<const Array*> arrays, F f) {
  int64_t channels = 0;
  for (const Array* a : arrays)
    if (a) channels = a->shape.channels();
  for (int64_t first = 0, end = 0; first < channels; first = end) {
    end = channels;
    for (const Array* a : arrays)
      if (a) end = std::min(end, a->part_end(first));
    f(first, end - first);
  }
}

// dst = src, element by element; shapes are equal, strides and floating dtypes may differ.
void copy(const Array& src, const Array& dst);
// The same values of another floating dtype: src itself if it is of that.
Array converted(const Array& src, DType dtype);
// A packed array with the same elements: src itself if it is packed already.
Array packed(const Array& src);

}  // namespace ghost
