// Values in memory, without gradients: what kernels see. Users see Tensor.
#pragma once
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

// Version and ownership of one slice of a storage. A joined slice counts the changes of its parts.
struct Owner {
  uint64_t changes = 0;
  std::vector<std::shared_ptr<Owner>> parts;
  uint64_t version() const;
};

struct Array {
  std::shared_ptr<Storage> storage;
  std::shared_ptr<Owner> owner;
  int64_t offset = 0;  // elements from the start of the storage
  Shape shape;
  int64_t stride = 0;
  DType dtype = DType::f32;

  static Array empty(const Shape& shape, DType dtype);
  static Array zeros(const Shape& shape, DType dtype);

  bool defined() const { return storage != nullptr; }
  bool packed() const { return stride == shape.channels() || shape.pixels() <= 1; }
  bool sole_owner() const { return owner.use_count() == 1; }
  // Channels [first, first + count), owned separately: slices that are written to must not overlap.
  Array slice_channels(int64_t first, int64_t count) const;
  // The same elements under another shape; the array must be packed unless only leading dimensions change.
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
};

// dst = src, element by element; shapes are equal, strides and floating dtypes may differ.
void copy(const Array& src, const Array& dst);
// A packed array with the same elements: src itself if it is packed already.
Array packed(const Array& src);

}  // namespace ghost
