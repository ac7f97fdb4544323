// cat and its inverse, slice_channels. Along the channels cat copies nothing: an array may be in parts (core/array.h).
#include <algorithm>
#include <numeric>

#include "core/kernels/chunked.h"
#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "core/ops/pool.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"

namespace ghost {
namespace {

SumsPtr slice_sums(const Sums& s, int64_t first, int64_t count) {
  auto part = [&](const std::vector<double>& v) {
    return std::vector<double>(v.begin() + first, v.begin() + first + count);
  };
  return std::make_shared<const Sums>(Sums{part(s.g), part(s.g_centred)});
}

// Along the channels: each input gets its part of the gradient.
class CatChannelsNode final : public Node {
 public:
  // joined: the parts whose transforms went into that of the result
  CatChannelsNode(std::vector<int64_t> channels, std::vector<bool> joined)
      : channels_(std::move(channels)), joined_(std::move(joined)) {
    sink().set_parts(channels_);
  }
  const char* name() const override { return "cat"; }
  void backward(Gradient g) override {
    const SumsPtr sums = g.transform ? nullptr : g.sums();
    g = materialise(std::move(g));
    const bool mine = g.g.sole_owner();
    int64_t first = 0;
    for (size_t i = 0; i < channels_.size(); first += channels_[i++]) {
      GradSink* to = sink_of(i);
      if (!to) continue;
      Array part = g.g.slice_channels(first, channels_[i]);
      if (!mine) part.state = g.g.state;  // the array has another reader: adding to it needs a copy
      EpilogueResult done;
      if (sums && to->value() && joined_[i]) done.sums = {slice_sums(*sums, first, channels_[i])};
      to->give({std::move(part), nullptr, std::move(done)});
    }
  }

 private:
  std::vector<int64_t> channels_;
  std::vector<bool> joined_;
};

// Along another dimension: (outer, sizes[i] · inner) blocks.
class CatBlocksNode final : public Node {
 public:
  CatBlocksNode(int64_t outer, std::vector<Shape> shapes) : outer_(outer), shapes_(std::move(shapes)) {}
  const char* name() const override { return "cat"; }
  void backward(Gradient gy) override {
    const Array g = packed(materialise(std::move(gy)).g);
    const int64_t line = g.shape.numel() / std::max<int64_t>(outer_, 1);
    int64_t first = 0;
    for (size_t i = 0; i < shapes_.size(); i++) {
      const int64_t part = shapes_[i].numel() / std::max<int64_t>(outer_, 1);
      if (GradSink* to = sink_of(i)) {
        const Array mine = Array::empty(shapes_[i], g.dtype);
        with_storage(g.dtype, name(), [&]<class S>() {
          for (int64_t o = 0; o < outer_; o++)
            std::copy_n(g.data<S>() + o * line + first, part, mine.data<S>() + o * part);
        });
        to->give({mine});
      }
      first += part;
    }
  }

 private:
  int64_t outer_;
  std::vector<Shape> shapes_;
};

class SliceChannelsNode final : public Node {
 public:
  SliceChannelsNode(Shape in, int64_t first) : in_(in), first_(first) {}
  const char* name() const override { return "slice"; }
  void backward(Gradient g) override {
    const int64_t count = g.g.shape.channels();
    const auto slot = sink_of(0)->open(in_, g.g.dtype);
    if (!slot.accumulate) {
      auto clear = [&](int64_t begin, int64_t end) {
        if (begin == end) return;
        const Array rest = slot.to.slice_channels(begin, end - begin);
        with_storage(rest.dtype, name(), [&]<class S>() {
          const View<S> v = rest.view<S>();
          for (int64_t p = 0; p < v.pixels(); p++) std::fill_n(v.pixel(p), v.channels(), S{});
        });
      };
      clear(0, first_), clear(first_ + count, in_.channels());
    }
    write_gradient(g, slot.to.slice_channels(first_, count), slot.accumulate);
    sink_of(0)->close();
  }

 private:
  Shape in_;
  int64_t first_;
};

int checked_dim(const std::vector<Tensor>& parts, int dim) {
  if (parts.empty()) fail("cat: no tensors given");
  for (const Tensor& t : parts) t.require_defined("cat", "a part");
  const Tensor& a = parts[0];
  const int d = dim < 0 ? dim + a.rank() : dim;
  if (d < 0 || d >= a.rank())
    fail("cat: dim {} given, but {} has dims {} to {}", dim, a.shape().str(), -a.rank(), a.rank() - 1);
  for (const Tensor& b : parts) {
    bool fits = b.rank() == a.rank() && b.dtype() == a.dtype();
    for (int i = 0; fits && i < a.rank(); i++) fits = i == d || a.size(i) == b.size(i);
    if (!fits)
      fail("cat: {} {} does not fit {} {} along dim {}", name_of(b.dtype()), b.shape().str(), name_of(a.dtype()),
           a.shape().str(), d);
  }
  return d;
}

// Nothing is copied: the result is the parts as they lie, with their transforms side by side. Parts whose transforms
// end with different functions are finished first, as a transform has one function for all channels.
Tensor cat_channels(const std::vector<Tensor>& parts) {
  const auto function_of = [](const Tensor& t) {
    return t.body()->pending ? t.body()->pending->function : RowFunction::none;
  };
  const RowFunction function = function_of(parts[0]);
  const bool same =
      std::all_of(parts.begin(), parts.end(), [&](const Tensor& t) { return function_of(t) == function; });
  std::vector<int64_t> channels;
  std::vector<bool> joined;
  std::vector<Array> raw;
  Pending all = Pending::identity(parts[0].dtype(), 0);
  all.function = same ? function : RowFunction::none;
  bool pending = false;
  for (const Tensor& t : parts) {
    joined.push_back(same || function_of(t) == RowFunction::none);
    const BodyPtr body = joined.back() ? t.body() : materialise(t.body());
    channels.push_back(t.shape().channels()), raw.push_back(body->raw);
    all.append(body->pending ? *body->pending : Pending::identity(t.dtype(), channels.back()));
    pending |= body->pending != nullptr;
  }
  BodyPtr body = make_body(Array::join(raw));
  if (pending)
    body = attach(body, std::move(all));
  else if (!folding())
    body = make_body(values(body));
  NodePtr node;
  if (wants_grad(parts)) node = std::make_shared<CatChannelsNode>(std::move(channels), std::move(joined));
  return recorded("cat", parts, make_result(std::move(body), node, parts), [&] {
    return OpAttributes{{"dim", {static_cast<double>(parts[0].rank() - 1)}}};
  });
}

}  // namespace

Tensor cat(const std::vector<Tensor>& parts, int dim) {
  const int d = checked_dim(parts, dim);
  if (parts.size() == 1) return parts[0];
  Shape shape = parts[0].shape();
  shape[d] = 0;
  for (const Tensor& t : parts) shape[d] += t.size(d);
  if (d == shape.rank() - 1) return cat_channels(parts);
  int64_t outer = 1;
  for (int i = 0; i < d; i++) outer *= shape[i];
  const Array out = Array::empty(shape, parts[0].dtype());
  const auto size = static_cast<int64_t>(size_of(out.dtype));
  const int64_t line = outer ? shape.numel() / outer * size : 0;
  int64_t first = 0;
  std::vector<Shape> shapes;
  for (const Tensor& t : parts) {
    const Array v = packed(t.values());
    const int64_t part = outer ? v.shape.numel() / outer * size : 0;
    for (int64_t o = 0; o < outer; o++)
      std::copy_n(static_cast<const char*>(v.raw_data()) + o * part, part,
                  static_cast<char*>(out.raw_data()) + o * line + first);
    first += part;
    shapes.push_back(t.shape());
  }
  NodePtr node;
  if (wants_grad(parts)) node = std::make_shared<CatBlocksNode>(outer, std::move(shapes));
  return recorded("cat", parts, make_result(make_body(out), node, parts), [&] {
    return OpAttributes{{"dim", {static_cast<double>(d)}}};
  });
}

Tensor slice_channels(const Tensor& x, int64_t first, int64_t count) {
  x.require_defined("slice", "the input");
  if (first == 0 && count == x.shape().channels()) return x;
  const Body& from = *x.body();
  Array raw = from.raw.slice_channels(first, count);
  raw.state->parts.push_back(from.raw.state);
  const BodyPtr body = make_body(std::move(raw));
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<SliceChannelsNode>(x.shape(), first);
  return recorded(
      "slice", {&x}, make_result(from.pending ? attach(body, from.pending->slice(first, count)) : body, node, {&x}),
      [&] {
        OpAttributes attributes;
        for (int d = 0; d + 1 < x.rank(); d++) attributes.push_back({"range", {0, static_cast<double>(x.size(d)), 1}});
        attributes.push_back({"range", {static_cast<double>(first), static_cast<double>(first + count), 1}});
        return attributes;
      });
}

std::vector<OpCase> cat_cases() {
  std::vector<OpCase> cases;
  auto add = [&](std::string name, std::vector<Shape> inputs, int dim) {
    const auto parts = std::ssize(inputs);
    cases.push_back({.name = std::move(name),
                     .inputs = std::move(inputs),
                     .run = [dim](const auto& in) { return cat(in, dim); },
                     .activations = parts});
  };
  add("channels", {{2, 3, 5, 4}, {2, 3, 5, 7}}, -1);
  add("three", {{2, 3, 4}, {2, 3, 1}, {2, 3, 9}}, 2);
  add("batch", {{1, 3, 2, 4}, {2, 3, 2, 4}}, 0);
  add("height", {{2, 1, 3, 4}, {2, 4, 3, 4}}, 1);
  cases.push_back({.name = "of_convolutions",
                   .inputs = {{2, 4, 3, 3}, {5, 1, 1, 3}, {2, 1, 1, 3}},
                   .run = [](const std::vector<Tensor>& in) {
                     return cat({conv2d(in[0], in[1]), conv2d(in[0], in[2])});
                   }});
  // What reads an array in parts, and gives its gradient in parts or whole.
  const auto read = [&](const char* name, const std::vector<Shape>& inputs,
                        const std::function<Tensor(const Tensor& all, const std::vector<Tensor>& in)>& run) {
    cases.push_back({.name = name,
                     .inputs = inputs,
                     .run =
                         [run](const std::vector<Tensor>& in) {
                           return run(cat({in[0], in[1]}), in);
                         },
                     .activations = 2,
                     .roundings = 3});
  };
  const std::vector<Shape> parts{{2, 5, 6, 8}, {2, 5, 6, 9}};
  const auto with = [&](const Shape& weight) {
    std::vector<Shape> all = parts;
    all.push_back(weight);
    return all;
  };
  read("read_pointwise", with({5, 1, 1, 17}), [](const auto& x, const auto& in) { return conv2d(x, in[2]); });
  read("read_dense", with({8, 3, 3, 17}), [](const auto& x, const auto& in) {
    return conv2d(x, in[2], {}, {.padding = {1, 1}});
  });
  read("read_depthwise", with({17, 3, 3, 1}), [](const auto& x, const auto& in) {
    return conv2d(x, in[2], {}, {.stride = {2, 2}, .padding = {1, 1}, .groups = 17});
  });
  read("read_twice", with({5, 1, 1, 17}), [](const auto& x, const auto& in) {
    return mul(cat({conv2d(relu(x), in[2]), x}), global_avg_pool(cat({conv2d(x, in[2]), x})));
  });
  read("read_sum", parts, [](const auto& x, const auto& in) { return x + (cat({in[1], in[0]}) + x); });
  read("read_slice", parts, [](const auto& x, const auto&) { return slice_channels(x, 6, 4); });
  read("read_statistics", parts,
       [](const auto& x, const auto&) { return relu(batch_norm(x, {}, {}, {}, {.training = true})); });
  // The sum hands one gradient to both sides; what the convolution adds to a part of it must not reach the other.
  const auto shared = [&](const char* name, const Shape& weight, const Conv2dOptions& options) {
    cases.push_back({.name = name,
                     .inputs = {{2, 5, 6, 16}, weight, {2, 5, 6, 16 + weight[0]}},
                     .run =
                         [options](const std::vector<Tensor>& in) {
                           return cat({in[0], conv2d(in[0], in[1], {}, options)}) + in[2];
                         },
                     .roundings = 2});
  };
  shared("shared_pointwise", {9, 1, 1, 16}, {});
  shared("shared_dense", {8, 3, 3, 16}, {.padding = {1, 1}});
  shared("shared_depthwise", {16, 3, 3, 1}, {.padding = {1, 1}, .groups = 16});
  shared("shared_groups", {8, 3, 3, 8}, {.padding = {1, 1}, .groups = 2});
  cases.push_back({.name = "shared_parts",
                   .inputs = {{2, 5, 6, 8}, {2, 5, 6, 9}, {17, 3, 3, 1}, {2, 5, 6, 34}},
                   .run =
                       [](const std::vector<Tensor>& in) {
                         const Tensor x = cat({in[0], in[1]});
                         return cat({x, conv2d(x, in[2], {}, {.padding = {1, 1}, .groups = 17})}) + in[3];
                       },
                   .activations = 2,
                   .roundings = 2});
  return cases;
}

std::vector<OpCase> slice_channels_cases() {
  std::vector<OpCase> cases;
  for (const auto& [first, count] : {std::pair<int64_t, int64_t>{0, 3}, {2, 5}, {6, 1}})
    cases.push_back(
        {.name = fmt::format("{}_{}", first, count),
         .inputs = {{2, 3, 4, 7}},
         .run = [first = first, count = count](const auto& in) { return slice_channels(in[0], first, count); }});
  return cases;
}

}  // namespace ghost
