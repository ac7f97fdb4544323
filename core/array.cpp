#include "core/array.h"

#include <algorithm>
#include <cstring>

#include "core/half.h"
#include "core/parallel.h"

namespace ghost {

uint64_t SliceState::version() const {
  uint64_t v = changes;
  for (const auto& p : parts) v += p->version();
  return v;
}

Array Array::empty(const Shape& shape, DType dtype) {
  const auto bytes = static_cast<size_t>(shape.numel()) * size_of(dtype);
  return {std::make_shared<Storage>(bytes), std::make_shared<SliceState>(), 0, shape, shape.channels(), dtype};
}

Array Array::zeros(const Shape& shape, DType dtype) {
  Array a = empty(shape, dtype);
  std::memset(a.raw_data(), 0, static_cast<size_t>(shape.numel()) * size_of(dtype));
  return a;
}

Array Array::empty_parts(const Shape& shape, const std::vector<int64_t>& channels, DType dtype) {
  std::vector<Array> parts;
  for (const int64_t c : channels) {
    Shape part = shape;
    part[-1] = c;
    parts.push_back(empty(part, dtype));
  }
  return join(parts);
}

Array Array::join(const std::vector<Array>& arrays) {
  Array all{nullptr, std::make_shared<SliceState>(), 0, arrays.at(0).shape, 0, arrays[0].dtype};
  auto parts = std::make_shared<std::vector<Array>>();
  all.shape[-1] = 0;
  for (const Array& a : arrays) {
    all.shape[-1] += a.shape.channels();
    all.state->parts.push_back(a.state);
    if (a.parts)
      parts->insert(parts->end(), a.parts->begin(), a.parts->end());
    else if (a.shape.channels() > 0)
      parts->push_back(a);
  }
  all.parts = std::move(parts);
  return all;
}

Array Array::run(int64_t first, int64_t count) const {
  Array a = *this;
  if (parts) {
    const int64_t end = part_end(first);
    auto part = parts->begin();
    for (int64_t channels = part->shape.channels(); channels < end; channels += part->shape.channels()) part++;
    a = *part;
    first -= end - a.shape.channels();
  }
  a.offset += first;
  if (a.shape.rank() > 0) a.shape[-1] = count;
  return a;
}

int64_t Array::part_end(int64_t channel) const {
  if (!parts) return shape.channels();
  int64_t end = 0;
  for (const Array& p : *parts)
    if ((end += p.shape.channels()) > channel) break;
  return end;
}

Array Array::slice_channels(int64_t first, int64_t count) const {
  if (first < 0 || count < 0 || first + count > shape.channels())
    fail("slice: channels {} to {} lie outside of {}", first, first + count, shape.str());
  if (parts) {
    std::vector<Array> taken;
    int64_t begin = 0;
    for (const Array& p : *parts) {
      const int64_t channels = p.shape.channels(), from = std::max(first - begin, int64_t{0}),
                    to = std::min(first + count - begin, channels);
      if (from < to) taken.push_back(p.slice_channels(from, to - from));
      begin += channels;
    }
    if (taken.empty()) return empty_parts(shape, {0}, dtype);
    return taken.size() == 1 ? taken[0] : join(taken);
  }
  Array s = *this;
  s.state = std::make_shared<SliceState>();
  s.offset += first, s.shape[-1] = count;
  return s;
}

Array Array::with_shape(const Shape& to) const {
  if (to.numel() != shape.numel())
    fail("reshape: {} has {} elements, but {} needs {}", shape.str(), shape.numel(), to.str(), to.numel());
  if (parts) return ghost::packed(*this).with_shape(to);
  if (!packed() && to.channels() != shape.channels())
    fail("reshape: {} is a channel slice with stride {}; its channels cannot become {}", shape.str(), stride, to.str());
  Array a = *this;
  a.shape = to;
  if (packed()) a.stride = to.channels();
  return a;
}

namespace {

template <class To, class From>
To element(From v) {
  if constexpr (std::is_same_v<From, To>)
    return v;
  else if constexpr (std::is_same_v<From, bf16>)
    return static_cast<To>(from_bf16(v.bits));
  else if constexpr (std::is_same_v<To, bf16>)
    return {to_bf16(static_cast<float>(v))};
  else
    return static_cast<To>(v);
}

template <class From, class To>
void copy_pixels(const View<From>& src, const View<To>& dst) {
  const int64_t c = src.channels();
  const int64_t chunks = src.shape.numel() < (1 << 15) ? 1 : chunk_count(src.pixels());
  parallel_sweep(src.pixels(), std::max<int64_t>(chunks, 1), [&](int64_t, int64_t begin, int64_t end) {
    if (src.stride == c && dst.stride == c) {
      std::transform(src.pixel(begin), src.pixel(end), dst.pixel(begin), element<To, From>);
      return;
    }
    for (int64_t p = begin; p < end; p++)
      std::transform(src.pixel(p), src.pixel(p) + c, dst.pixel(p), element<To, From>);
  });
}

template <class F>
void with_any(DType t, F&& f) {
  switch (t) {
    case DType::f32:
      return f.template operator()<float>();
    case DType::f64:
      return f.template operator()<double>();
    case DType::i64:
      return f.template operator()<int64_t>();
    case DType::bf16:
      return f.template operator()<bf16>();
    case DType::u8:
      return f.template operator()<uint8_t>();
  }
}

}  // namespace

void copy(const Array& src, const Array& dst) {
  if (!(src.shape == dst.shape)) fail("copy: source is {}, but destination is {}", src.shape.str(), dst.shape.str());
  if (src.shape.numel() == 0) return;
  if (src.parts || dst.parts)
    return for_channel_runs({&src, &dst}, [&](int64_t first, int64_t count) {
      copy(src.slice_channels(first, count), dst.slice_channels(first, count));
    });
  with_any(src.dtype, [&]<class From>() {
    with_any(dst.dtype, [&]<class To>() { copy_pixels(src.view<From>(), dst.view<To>()); });
  });
}

Array converted(const Array& src, DType dtype) {
  if (src.dtype == dtype) return src;
  Array out = Array::empty(src.shape, dtype);
  copy(src, out);
  return out;
}

Array packed(const Array& src) {
  if (src.packed()) return src;
  Array out = Array::empty(src.shape, src.dtype);
  copy(src, out);
  return out;
}

}  // namespace ghost
