// slice, reshape, permute, flatten, pad: copies from one set of steps to another (cat and slice_channels: cat.cpp).
#include "core/ops/shape_ops.h"

#include <functional>
#include <numeric>

#include "core/kernels/rows.h"
#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/cast.h"
#include "core/ops/strided.h"

namespace ghost {
namespace {

template <class T>
void fill(const Strided<T>& to, T value) {
  for_elements([value](T& d) { d = value; }, to);
}
// Where the last dimension lies packed on both sides, the last two are a row of pixels, which the row kernels copy: an
// element at a time, rows of a few channels cost ten times what their memory does.
template <class T>
void assign_or_add(const Strided<T>& to, const Strided<T>& from, bool accumulate) {
  const int rank = to.shape.rank();
  const auto last = static_cast<size_t>(std::max(rank - 1, 0));
  if (rank < 2 || to.steps[last] != 1 || from.steps[last] != 1) {
    if (accumulate)
      for_elements([](T& d, T s) { d += s; }, to, from);
    else
      for_elements([](T& d, T s) { d = s; }, to, from);
    return;
  }
  Walk<2> walk;
  for (size_t d = 0; d + 1 < last; d++) walk.add(to.shape[static_cast<int>(d)], {to.steps[d], from.steps[d]});
  const int64_t count = walk.size(), w = to.shape[rank - 2], c = to.shape[rank - 1];
  const int64_t to_step = to.steps[last - 1], from_step = from.steps[last - 1];
  parallel_chunks(count, chunk_count(count), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const auto [d, s] = walk.offsets(i);
      if (accumulate)
        passes<T>().gradient(to.data + d, to_step, from.data + s, from_step, nullptr, 0, w, c, nullptr, true);
      else
        passes<T>().transform(to.data + d, to_step, from.data + s, from_step, w, c, nullptr);
    }
  });
}
template <class T>
void assign(const Strided<T>& to, const Strided<T>& from) {
  assign_or_add(to, from, false);
}

int64_t resolved(int64_t i, int64_t size) { return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size); }

// ---- slice

struct Part {
  int64_t first, count, step;
};

template <class T>
Strided<T> part_of(Strided<T> x, const std::vector<Part>& parts) {
  for (size_t d = 0; d < parts.size(); d++)
    x = x.sliced(static_cast<int>(d), parts[d].first, parts[d].count, parts[d].step);
  return x;
}

class SliceNode final : public Node {
 public:
  SliceNode(const Shape& x, std::vector<Part> parts) : x_(x), parts_(std::move(parts)) {}
  const char* name() const override { return "slice"; }
  void backward(Gradient gy) override {
    const Array up = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, up.dtype);
    with_floating(up.dtype, name(), [&]<class T>() {
      const Strided<T> to = strided<T>(slot.to);
      if (!slot.accumulate) fill(to, T(0));
      assign_or_add(part_of(to, parts_), strided<T>(up), slot.accumulate);
    });
    sink_of(0)->close();
  }

 private:
  Shape x_;
  std::vector<Part> parts_;
};

// ---- reshape

class ReshapeNode final : public Node {
 public:
  ReshapeNode(const char* op, const Shape& x) : op_(op), x_(x) {}
  const char* name() const override { return op_; }
  void backward(Gradient gy) override {
    Array g = packed(materialise(std::move(gy)).g);
    g = std::move(g).with_shape(x_);
    sink_of(0)->give({std::move(g)});
  }

 private:
  const char* op_;
  Shape x_;
};

Tensor reshaped(const char* op, const Tensor& x, const Shape& shape) {
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<ReshapeNode>(op, x.shape());
  return recorded("reshape", {&x}, make_result(make_body(packed(x.values()).with_shape(shape)), std::move(node), {&x}));
}

// ---- permute

class PermuteNode final : public Node {
 public:
  PermuteNode(const Shape& x, std::vector<int> dims) : x_(x), dims_(std::move(dims)) {}
  const char* name() const override { return "permute"; }
  void backward(Gradient gy) override {
    const Array up = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, up.dtype);
    with_floating(up.dtype, name(), [&]<class T>() {
      assign_or_add(strided<T>(slot.to).permuted(dims_), strided<T>(up), slot.accumulate);
    });
    sink_of(0)->close();
  }

 private:
  Shape x_;
  std::vector<int> dims_;
};

// ---- pad

// What input and result share along one dimension; a negative padding cuts.
struct Overlap {
  int64_t in, out, count;
  Overlap(int64_t size, int64_t before, int64_t after)
      : in(std::max<int64_t>(0, -before)),
        out(std::max<int64_t>(0, before)),
        count(std::max<int64_t>(0, size - in - std::max<int64_t>(0, -after))) {}
};

class PadNode final : public Node {
 public:
  PadNode(const Shape& x, std::vector<Overlap> overlaps) : x_(x), overlaps_(std::move(overlaps)) {}
  const char* name() const override { return "pad"; }
  void backward(Gradient gy) override {
    const Array up = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, up.dtype);
    with_floating(up.dtype, name(), [&]<class T>() {
      Strided<T> to = strided<T>(slot.to), from = strided<T>(up);
      bool cuts = false;
      for (int d = 0; d < 4; d++) cuts |= overlaps_[static_cast<size_t>(d)].count != x_[d];
      if (cuts && !slot.accumulate) fill(to, T(0));
      for (int d = 0; d < 4; d++) {
        const Overlap& o = overlaps_[static_cast<size_t>(d)];
        to = to.sliced(d, o.in, o.count), from = from.sliced(d, o.out, o.count);
      }
      assign_or_add(to, from, slot.accumulate);
    });
    sink_of(0)->close();
  }

 private:
  Shape x_;
  std::vector<Overlap> overlaps_;
};

}  // namespace

Tensor slice(const Tensor& x, const std::vector<Range>& ranges) {
  if (x.defined() && x.dtype() == DType::bf16) return cast(slice(cast(x, DType::f32), ranges), DType::bf16);
  x.require_defined("slice", "the input");
  if (ranges.size() > static_cast<size_t>(x.rank()))
    fail("slice: {} ranges given, but {} has {} dimensions", ranges.size(), x.shape().str(), x.rank());
  std::vector<Part> parts;
  Shape shape = x.shape();
  bool channels_only = x.rank() > 0;
  for (int d = 0; d < x.rank(); d++) {
    const Range r = static_cast<size_t>(d) < ranges.size() ? ranges[static_cast<size_t>(d)] : Range{};
    if (r.step < 1)
      fail("slice: step {} given for dimension {} of {}, but it must be 1 or more", r.step, d, x.shape().str());
    const int64_t size = x.size(d), first = resolved(r.start.value_or(0), size),
                  stop = resolved(r.stop.value_or(size), size);
    const int64_t count = stop > first ? (stop - first + r.step - 1) / r.step : 0;
    if (count == 0)
      fail("slice: [{}, {}) selects nothing of dimension {} of {}", r.start.value_or(0), r.stop.value_or(size), d,
           x.shape().str());
    parts.push_back({first, count, r.step});
    shape[d] = count;
    channels_only &= d == x.rank() - 1 ? r.step == 1 : count == size;
  }
  if (channels_only) return slice_channels(x, parts.back().first, parts.back().count);
  const Body& from = *x.body();
  const Part channels = x.rank() > 0 ? parts.back() : Part{0, 0, 1};
  // What is pending goes along: finished values of all of x would stay in memory with it, for the part that is taken.
  const bool folds = from.pending && !from.materialised && !from.raw.in_parts() && channels.step == 1;
  BodyPtr out = make_body(Array::empty(shape, x.dtype()));
  with_floating(x.dtype(), "slice", [&]<class T>() {
    assign(strided<T>(out->raw), part_of(strided<T>(folds ? from.raw : x.values()), parts));
  });
  if (folds) {
    Pending pending = from.pending->slice(channels.first, channels.count);
    pending.normalised = false;  // its batch_norm takes the sums of all of x
    out = attach(out, std::move(pending));
  }
  NodePtr node;
  const std::vector<Part> taken = parts;
  if (wants_grad({&x})) node = std::make_shared<SliceNode>(x.shape(), std::move(parts));
  return recorded("slice", {&x}, make_result(std::move(out), std::move(node), {&x}), [&] {
    OpAttributes attributes;
    for (const Part& p : taken)
      attributes.push_back({"range", as_attribute(std::array{p.first, p.first + p.count * p.step, p.step})});
    return attributes;
  });
}

Tensor reshape(const Tensor& x, const std::vector<int64_t>& shape) {
  x.require_defined("reshape", "the input");
  std::vector<int64_t> dims = shape;
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < dims.size(); i++) {
    if (dims[i] < -1) fail("reshape: size {} given for dimension {}", dims[i], i);
    if (dims[i] >= 0)
      known *= dims[i];
    else if (open >= 0)
      fail("reshape: -1 given for dimensions {} and {}, but only one can be worked out", open, i);
    else
      open = static_cast<int64_t>(i);
  }
  if (open >= 0) {
    if (known == 0 || x.numel() % known)
      fail("reshape: the {} elements of {} cannot be shared out in {}s", x.numel(), x.shape().str(), known);
    dims[static_cast<size_t>(open)] = x.numel() / known;
  }
  return reshaped("reshape", x, Shape(dims));
}

Tensor permute(const Tensor& x, const std::vector<int>& dims) {
  if (x.defined() && x.dtype() == DType::bf16) return cast(permute(cast(x, DType::f32), dims), DType::bf16);
  x.require_defined("permute", "the input");
  std::vector<int> order;
  std::vector<bool> seen(Shape::kMaxRank);
  for (const int dim : dims) {
    const int d = dim < 0 ? dim + x.rank() : dim;
    if (d < 0 || d >= x.rank() || seen[static_cast<size_t>(d)])
      fail("permute: dimension {} given for {}, but each of 0 to {} is needed once", dim, x.shape().str(),
           x.rank() - 1);
    seen[static_cast<size_t>(d)] = true;
    order.push_back(d);
  }
  if (static_cast<int>(order.size()) != x.rank())
    fail("permute: {} dimensions given, but {} has {}", order.size(), x.shape().str(), x.rank());
  Shape shape = x.shape();
  for (int d = 0; d < x.rank(); d++) shape[d] = x.size(order[static_cast<size_t>(d)]);
  const Array out = Array::empty(shape, x.dtype());
  with_floating(x.dtype(), "permute",
                [&]<class T>() { assign(strided<T>(out), strided<T>(x.values()).permuted(order)); });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<PermuteNode>(x.shape(), order);
  return recorded("permute", {&x}, make_result(make_body(out), std::move(node), {&x}), [&] {
    return OpAttributes{{"dims", as_attribute(order)}};
  });
}

Tensor flatten(const Tensor& x, int start) {
  x.require_defined("flatten", "the input");
  const int first = start < 0 ? start + x.rank() : start;
  if (first < 0 || first >= std::max(x.rank(), 1))
    fail("flatten: start {} given, but {} has dimensions 0 to {}", start, x.shape().str(), x.rank() - 1);
  const Shape& s = x.shape();
  if (s.rank() == 4) {
    // PyTorch's dimensions are (N, C, H, W); where one of these is all there is, the order is the same already.
    const bool moves = s[3] > 1 && s[1] * s[2] > 1;
    const Tensor y = moves ? permute(x, {0, 3, 1, 2}) : x;
    const int64_t nchw[] = {s[0], s[3], s[1], s[2]};
    std::vector<int64_t> dims(nchw, nchw + first);
    dims.push_back(std::accumulate(nchw + first, nchw + 4, int64_t{1}, std::multiplies<>()));
    const Tensor flat = reshape(y, dims);
    return first == 1 ? recorded("flatten", {&x}, flat) : flat;
  }
  std::vector<int64_t> dims(s.begin(), s.begin() + first);
  dims.push_back(std::accumulate(s.begin() + first, s.end(), int64_t{1}, std::multiplies<>()));
  return reshape(x, dims);
}

Tensor pad(const Tensor& x, const Pad2d& by) {
  if (x.defined() && x.dtype() == DType::bf16) return cast(pad(cast(x, DType::f32), by), DType::bf16);
  x.require_defined("pad", "the input");
  if (x.rank() != 4) fail("pad: input is {}, but must be (N, H, W, C)", x.shape().str());
  const Shape& s = x.shape();
  const std::vector<Overlap> overlaps{
      {s[0], 0, 0}, {s[1], by.top, by.bottom}, {s[2], by.left, by.right}, {s[3], by.front, by.back}};
  const Shape shape = [&] {
    const int64_t sizes[] = {s[0], s[1] + by.top + by.bottom, s[2] + by.left + by.right, s[3] + by.front + by.back};
    for (const int64_t n : sizes)
      if (n < 1)
        fail("pad: top {}, bottom {}, left {}, right {}, front {}, back {} leave nothing of {}", by.top, by.bottom,
             by.left, by.right, by.front, by.back, s.str());
    return Shape(std::span(sizes, 4));
  }();
  const Array out = Array::empty(shape, x.dtype());
  with_floating(x.dtype(), "pad", [&]<class T>() {
    Strided<T> to = strided<T>(out), from = strided<T>(x.values());
    fill(to, static_cast<T>(by.value));
    for (int d = 0; d < 4; d++) {
      const Overlap& o = overlaps[static_cast<size_t>(d)];
      to = to.sliced(d, o.out, o.count), from = from.sliced(d, o.in, o.count);
    }
    assign(to, from);
  });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<PadNode>(s, overlaps);
  return recorded("pad", {&x}, make_result(make_body(out), std::move(node), {&x}), [&] {
    return OpAttributes{{"before", as_attribute(std::array<int64_t, 4>{0, by.top, by.left, by.front})},
                        {"after", as_attribute(std::array<int64_t, 4>{0, by.bottom, by.right, by.back})},
                        {"value", {by.value}}};
  });
}

std::vector<OpCase> shape_ops_cases() {
  std::vector<OpCase> cases;
  auto add = [&](const char* name, const Shape& x, auto f) {
    cases.push_back({.name = name + x.str(), .inputs = {x}, .run = [f](const auto& in) { return f(in[0]); }});
  };
  const Range whole{};
  add("slice_crop", {2, 8, 9, 3}, [=](const Tensor& x) { return slice(x, {whole, {1, 7}, {2, -1}}); });
  add("slice_step", {1, 8, 9, 3}, [=](const Tensor& x) { return slice(x, {whole, {0, {}, 2}, {1, {}, 3}}); });
  add("slice_channels", {2, 3, 3, 9}, [=](const Tensor& x) { return slice(x, {whole, whole, whole, {2, 7}}); });
  add("slice_channel_step", {2, 3, 3, 9}, [=](const Tensor& x) {
    return slice(x, {whole, whole, whole, {{}, {}, 2}});
  });
  add("slice_vector", {7}, [](const Tensor& x) { return slice(x, {{-3, {}}}); });
  add("slice_one", {1, 1, 1, 5}, [](const Tensor& x) { return slice(x, {}); });
  add("reshape", {2, 3, 4, 5}, [](const Tensor& x) { return reshape(x, {4, -1}); });
  add("reshape_pixels", {2, 1, 1, 5}, [](const Tensor& x) { return reshape(x, {2, 5}); });
  add("reshape_scalar", {1, 1}, [](const Tensor& x) { return reshape(x, {}); });
  add("permute", {2, 3, 4, 5}, [](const Tensor& x) { return permute(x, {0, 3, 1, 2}); });
  add("permute_swap", {5, 7}, [](const Tensor& x) { return permute(x, {1, 0}); });
  add("permute_all", {2, 3, 1, 4, 2}, [](const Tensor& x) { return permute(x, {-1, 1, 3, 0, 2}); });
  add("flatten", {2, 3, 4, 5}, [](const Tensor& x) { return flatten(x); });
  add("flatten", {3, 1, 1, 5}, [](const Tensor& x) { return flatten(x); });
  add("flatten", {2, 3, 2, 1}, [](const Tensor& x) { return flatten(x); });
  add("flatten_0", {2, 3, 4, 5}, [](const Tensor& x) { return flatten(x, 0); });
  add("flatten_2", {2, 3, 4, 5}, [](const Tensor& x) { return flatten(x, 2); });
  add("flatten_rank3", {2, 3, 4}, [](const Tensor& x) { return flatten(x, 1); });
  add("pad", {2, 4, 5, 3}, [](const Tensor& x) { return pad(x, {.left = 1, .right = 2, .bottom = 3, .value = 0.5}); });
  add("pad_channels", {2, 2, 3, 3}, [](const Tensor& x) { return pad(x, {.front = 1, .back = 2}); });
  add("pad_cut", {1, 5, 6, 2},
      [](const Tensor& x) { return pad(x, {.left = -1, .right = 2, .top = 1, .bottom = -2}); });
  add("pad_1x1", {1, 1, 1, 5}, [](const Tensor& x) { return pad(x, {.left = 1, .top = 1}); });
  return cases;
}

}  // namespace ghost
