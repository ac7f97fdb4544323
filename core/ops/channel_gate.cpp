// y (N, H, W, C) = x · gate (N, 1, 1, C), the scaling of squeeze-excite. x is read through its pending transform. The
// factor differs from image to image, so no transform is passed on; but within an image it is one, which the row
// kernels of transforms apply.
#include <type_traits>

#include "core/kernels/by_image.h"
#include "core/kernels/scratch.h"
#include "core/op_recorder.h"
#include "core/ops/arithmetic_detail.h"
#include "core/ops/block_reader.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// Pixels of y from p on. Of values that are rounded when they are stored, what is scaled is memory of this thread.
template <class S>
void scale_pixels(const View<S>& y, int64_t p, const Compute<S>* from, int64_t step, int64_t count,
                  const RowTransform<Compute<S>>& t) {
  using T = Compute<S>;
  if constexpr (std::is_same_v<S, T>) {
    passes<S>().transform(y.pixel(p), y.stride, from, step, count, y.c(), &t);
  } else {
    T* row = scratch<T>(ScratchSlot::result, count * y.c());
    passes<T>().transform(row, y.c(), from, step, count, y.c(), &t);
    passes<S>().put(y.pixel(p), y.stride, row, y.c(), count, y.c(), false);
  }
}

template <class S>
void scale(const Body& x, const Array& gate, const View<S>& y) {
  using T = Compute<S>;
  const ImageParts parts(y.shape);
  const int64_t c = y.c(), run = pixels_per_run(c);
  const ImageTransform<T> gates(gate, {}, c);
  parallel_sweep(parts.count(), chunk_count(parts.count()), [&](int64_t, int64_t first, int64_t last) {
    const BlockReader<S> reader(x, run);
    for (int64_t part = first; part < last; part++) {
      const RowTransform<T> t = gates.of(parts.image(part), 0);
      parts.for_runs(part, run, [&](int64_t p, int64_t count) {
        const auto from = reader.read(p, count);
        scale_pixels(y, p, from.data, from.step, count, t);
      });
    }
  });
}

// Σ g · x over the pixels of each image.
template <class S>
Array gate_gradient(const Array& g, const Body& x) {
  using T = Compute<S>;
  struct Run {  // of channels that lie in one part of both
    int64_t first;
    View<S> g, raw;
    RowTransform<T> of_x;
  };
  const int64_t c = g.shape.channels();
  const Pending none = Pending::identity(g.dtype, x.pending ? 0 : c);
  const Pending& pending = x.pending ? *x.pending : none;
  std::vector<Run> runs;
  for_channel_runs({&g, &x.raw}, [&](int64_t first, int64_t count) {
    runs.push_back({first, g.view<S>(first, count), x.raw.view<S>(first, count), row_transform<T>(pending, first)});
  });
  const ImageParts parts(g.shape);
  std::vector<double> sums(static_cast<size_t>(parts.count() * c), 0);
  parallel_sweep(parts.count(), chunk_count(parts.count()), [&](int64_t, int64_t first, int64_t last) {
    for (int64_t part = first; part < last; part++)
      for (const Run& r : runs)
        passes<S>().products(sums.data() + part * c + r.first, r.g.pixel(parts.begin(part)), r.g.stride,
                             r.raw.pixel(parts.begin(part)), r.raw.stride, parts.end(part) - parts.begin(part),
                             r.g.channels(), r.of_x);
  });
  const Array out = Array::empty({g.shape[0], 1, 1, c}, dtype_of<T>);
  parallel_for(parts.images, [&](int64_t n) {
    for (int64_t j = 0; j < c; j++) {
      double total = 0;
      for (int64_t part = 0; part < parts.per_image; part++)
        total += sums[static_cast<size_t>((n * parts.per_image + part) * c + j)];
      out.data<T>()[n * c + j] = static_cast<T>(total);
    }
  });
  return out;
}

class ChannelGateNode final : public Node {
 public:
  ChannelGateNode(const BodyPtr& x, const BodyPtr& gate) { save(x), save(gate); }
  const char* name() const override { return "mul"; }
  void backward(Gradient gy) override {
    Array up = materialise(std::move(gy)).g;
    const Shape shape = up.shape;
    const DType dtype = up.dtype;
    if (GradSink* to_gate = sink_of(1))
      to_gate->give(
          {with_storage(up.dtype, name(), [&]<class S>() { return gate_gradient<S>(up, *saved(0, "the input")); })});
    if (GradSink* to_x = sink_of(0))
      to_x->give_by_image({.shape = shape, .dtype = dtype, .g = std::move(up), .factor = values(saved(1, "the gate"))});
  }
};

}  // namespace

Tensor mul_by_channel_gate(const Tensor& x, const Tensor& gate) {
  const Array out = Array::empty(x.shape(), x.dtype());
  with_storage(x.dtype(), "mul", [&]<class S>() { scale<S>(*x.body(), gate.values(), out.view<S>()); });
  NodePtr node;
  if (wants_grad({&x, &gate})) node = std::make_shared<ChannelGateNode>(x.body(), gate.body());
  return recorded("mul", {&x, &gate}, make_result(make_body(out), std::move(node), {&x, &gate}));
}

}  // namespace ghost
