#include "reference/layout.h"

#include <algorithm>
#include <numeric>

namespace ghost::reference {
namespace {

Shape row_major_strides(const Shape& shape) {
  Shape strides = shape;
  int64_t stride = 1;
  for (int i = shape.rank() - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

// Dimension i of the result is dimension axes[i] of `from`, whose shape is read as `shape`.
template <class T>
Tensor transposed(const Tensor& from, const Shape& shape, const std::vector<int>& axes) {
  const Shape from_strides = row_major_strides(shape);
  Shape to_shape = shape, step = shape;
  for (int i = 0; i < shape.rank(); i++) {
    to_shape[i] = shape[axes[static_cast<size_t>(i)]];
    step[i] = from_strides[axes[static_cast<size_t>(i)]];
  }
  const T* data = from.data<T>();
  std::vector<T> result;
  result.reserve(static_cast<size_t>(shape.numel()));
  std::vector<int64_t> index(static_cast<size_t>(shape.rank()), 0);
  int64_t offset = 0;
  for (int64_t n = shape.numel(); n > 0; n--) {
    result.push_back(data[offset]);
    for (int i = shape.rank() - 1; i >= 0; i--) {
      int64_t& position = index[static_cast<size_t>(i)];
      offset += step[i];
      if (++position < to_shape[i]) break;
      offset -= step[i] * to_shape[i];
      position = 0;
    }
  }
  return Tensor::from(result, to_shape);
}

Tensor transposed(const Tensor& from, const Shape& shape, const std::vector<int>& axes) {
  switch (from.dtype()) {
    case DType::f32:
      return transposed<float>(from, shape, axes);
    case DType::f64:
      return transposed<double>(from, shape, axes);
    case DType::i64:
      return transposed<int64_t>(from, shape, axes);
    default:
      return transposed<uint8_t>(from, shape, axes);
  }
}

}  // namespace

Layout plain(int rank) {
  std::vector<int> axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return {.axes = axes};
}

Layout channels_last(int rank) { return rank == 4 ? Layout{.axes = {0, 2, 3, 1}} : plain(rank); }

Layout broadcast_layout(int rank, int other) {
  if (rank == 0 || std::max(rank, other) != 4) return plain(rank);
  return {.axes = channels_last(4).axes, .leading = 4 - rank};
}

int our_dim(const Layout& layout, int64_t reference_dim) {
  const auto rank = static_cast<int64_t>(layout.axes.size());
  const int64_t dim = (reference_dim < 0 ? reference_dim + rank : reference_dim + layout.leading);
  const auto found = std::find(layout.axes.begin(), layout.axes.end(), dim);
  if (found == layout.axes.end()) fail("a tensor of rank {} has no dimension {}", rank, reference_dim);
  return static_cast<int>(found - layout.axes.begin());
}

Tensor to_ours(const Tensor& reference, const Layout& layout) {
  std::vector<int64_t> viewed(static_cast<size_t>(layout.leading), 1);
  viewed.insert(viewed.end(), reference.shape().begin(), reference.shape().end());
  return transposed(reference, Shape(viewed), layout.axes);
}

Tensor to_reference(const Tensor& ours, const Layout& layout) {
  if (ours.rank() != static_cast<int>(layout.axes.size()))
    fail("a tensor {} where {} dimensions were expected", ours.shape().str(), layout.axes.size());
  std::vector<int> back(layout.axes.size());
  for (size_t i = 0; i < back.size(); i++) back[static_cast<size_t>(layout.axes[i])] = static_cast<int>(i);
  const Tensor viewed = transposed(ours, ours.shape(), back);
  if (layout.leading == 0) return viewed;
  for (int i = 0; i < layout.leading; i++)
    if (viewed.size(i) != 1)
      fail("a tensor {} where the first {} sizes should be 1", viewed.shape().str(), layout.leading);
  return transposed(viewed, Shape(std::vector<int64_t>(viewed.shape().begin() + layout.leading, viewed.shape().end())),
                    plain(viewed.rank() - layout.leading).axes);
}

}  // namespace ghost::reference
