#include "core/ops/resize.h"

#include <algorithm>
#include <cmath>

#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/activation.h"
#include "core/ops/batch_norm.h"
#include "core/ops/block_reader.h"
#include "core/ops/cast.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// For each of `to` places the one of `from` that it shows.
std::vector<int64_t> sources(int64_t from, int64_t to) {
  std::vector<int64_t> all(static_cast<size_t>(to));
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  for (int64_t i = 0; i < to; i++)
    // PyTorch halves whole numbers where the size is doubled; else f32 may round below a whole number, there as here.
    all[static_cast<size_t>(i)] =
        to == 2 * from ? i / 2 : std::min(static_cast<int64_t>(std::floor(static_cast<float>(i) * scale)), from - 1);
  return all;
}

struct Grid {
  std::vector<int64_t> rows, columns;
  Grid(const Shape& from, const Shape& to) : rows(sources(from[1], to[1])), columns(sources(from[2], to[2])) {}
  // Empty if nothing is recorded.
  OpAttributes described() const {
    if (!active_recorder()) return {};
    return {{"rows", as_attribute(rows)}, {"columns", as_attribute(columns)}};
  }
};

template <class T>
void spread(const View<T>& x, const Grid& grid, const View<T>& y) {
  const int64_t h = y.h(), w = y.w(), c = y.c(), lines = y.n() * h;
  parallel_chunks(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) {
      const T* from = x.row(line / h, grid.rows[static_cast<size_t>(line % h)]);
      for (int64_t j = 0; j < w; j++)
        std::copy_n(from + grid.columns[static_cast<size_t>(j)] * x.stride, c, y.pixel(line * w + j));
    }
  });
}

template <class T>
EpilogueResult gather(const View<T>& g, const Grid& grid, const GradSink::Slot& slot) {
  const View<T> to = slot.to.view<T>();
  const int64_t h = to.h(), w = to.w(), c = to.c(), lines = to.n() * h, chunks = chunk_count(lines);
  EpilogueRunner<T> runner(slot, chunks);
  parallel_chunks(lines, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) {
      if (!slot.accumulate)
        for (int64_t p = line * w; p < (line + 1) * w; p++) std::fill_n(to.pixel(p), c, T(0));
      const auto [first, last] = std::equal_range(grid.rows.begin(), grid.rows.end(), line % h);
      for (auto row = first; row != last; ++row) {
        const T* up = g.row(line / h, row - grid.rows.begin());
        for (int64_t j = 0; j < g.w(); j++) {
          T* sum = to.pixel(line * w + grid.columns[static_cast<size_t>(j)]);
          for (int64_t k = 0; k < c; k++) sum[k] += up[j * g.stride + k];
        }
      }
      runner.add(chunk, line * w, w);
    }
  });
  return runner.merged();
}

class ResizeNode final : public Node {
 public:
  ResizeNode(const Shape& x, Grid grid) : x_(x), grid_(std::move(grid)) {}
  const char* name() const override { return "resize_nearest"; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, g.dtype);
    sink_of(0)->close(with_floating(g.dtype, name(), [&]<class T>() { return gather<T>(g.view<T>(), grid_, slot); }));
  }

 private:
  Shape x_;
  Grid grid_;
};

template <class T>
void scale(const Body& x, const View<T>& gate, const Grid& grid, const View<T>& y) {
  const int64_t h = y.h(), w = y.w(), c = y.c(), lines = y.n() * h;
  parallel_chunks(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    const BlockReader<T> reader(x, w);
    for (int64_t line = begin; line < end; line++) {
      const auto from = reader.read(line * w, w);
      const T* factors = gate.row(line / h, grid.rows[static_cast<size_t>(line % h)]);
      for (int64_t j = 0; j < w; j++) {
        const T *v = from.pixel(j), *f = factors + grid.columns[static_cast<size_t>(j)] * gate.stride;
        T* to = y.pixel(line * w + j);
        for (int64_t k = 0; k < c; k++) to[k] = v[k] * f[k];
      }
    }
  });
}

class MulNearestNode final : public Node {
 public:
  MulNearestNode(const BodyPtr& x, const BodyPtr& gate, Grid grid) : grid_(std::move(grid)) { save(x), save(gate); }
  const char* name() const override { return "mul_nearest"; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    const BodyPtr x = saved(0, "the input");
    const Array gate = values(saved(1, "the gate"));
    with_floating(g.dtype, name(), [&]<class T>() {
      if (sink_of(1)) to_gate<T>(g.view<T>(), *x, gate.shape);
      if (sink_of(0)) to_x<T>(g.view<T>(), gate.view<T>());
    });
  }

 private:
  template <class T>
  void to_gate(const View<T>& g, const Body& x, const Shape& shape) {
    const GradSink::Slot slot = sink_of(1)->open(shape, dtype_of<T>);
    const View<T> to = slot.to.view<T>();
    const int64_t h = to.h(), w = to.w(), c = to.c(), lines = to.n() * h, chunks = chunk_count(lines);
    EpilogueRunner<T> runner(slot, chunks);
    parallel_chunks(lines, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
      const BlockReader<T> reader(x, g.w());
      for (int64_t line = begin; line < end; line++) {
        if (!slot.accumulate)
          for (int64_t p = line * w; p < (line + 1) * w; p++) std::fill_n(to.pixel(p), c, T(0));
        const auto [first, last] = std::equal_range(grid_.rows.begin(), grid_.rows.end(), line % h);
        for (auto row = first; row != last; ++row) {
          const int64_t start = (line / h * g.h() + (row - grid_.rows.begin())) * g.w();
          const auto values = reader.read(start, g.w());
          for (int64_t j = 0; j < g.w(); j++) {
            T* sum = to.pixel(line * w + grid_.columns[static_cast<size_t>(j)]);
            const T *up = g.pixel(start + j), *v = values.pixel(j);
            for (int64_t k = 0; k < c; k++) sum[k] += up[k] * v[k];
          }
        }
        runner.add(chunk, line * w, w);
      }
    });
    sink_of(1)->close(runner.merged());
  }

  template <class T>
  void to_x(const View<T>& g, const View<T>& gate) {
    const GradSink::Slot slot = sink_of(0)->open(g.shape, dtype_of<T>);
    const View<T> to = slot.to.view<T>();
    const int64_t h = to.h(), w = to.w(), c = to.c(), lines = to.n() * h, chunks = chunk_count(lines);
    EpilogueRunner<T> runner(slot, chunks);
    parallel_chunks(lines, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; line++) {
        const T* factors = gate.row(line / h, grid_.rows[static_cast<size_t>(line % h)]);
        for (int64_t j = 0; j < w; j++) {
          const T *up = g.pixel(line * w + j), *f = factors + grid_.columns[static_cast<size_t>(j)] * gate.stride;
          T* d = to.pixel(line * w + j);
          if (slot.accumulate)
            for (int64_t k = 0; k < c; k++) d[k] += up[k] * f[k];
          else
            for (int64_t k = 0; k < c; k++) d[k] = up[k] * f[k];
        }
        runner.add(chunk, line * w, w);
      }
    });
    sink_of(0)->close(runner.merged());
  }

  Grid grid_;
};

}  // namespace

Tensor resize_nearest(const Tensor& x, std::array<int64_t, 2> output_size) {
  x.require_defined("resize_nearest", "the input");
  const auto [h, w] = output_size;
  if (x.rank() != 4) fail("resize_nearest: input is {}, but must be (N, H, W, C)", x.shape().str());
  if (h < 1 || w < 1 || x.size(1) < 1 || x.size(2) < 1)
    fail("resize_nearest: input {} to {}x{}, but all sizes must be at least 1", x.shape().str(), h, w);
  if (h == x.size(1) && w == x.size(2)) return x;
  if (x.dtype() == DType::bf16) return cast(resize_nearest(cast(x, DType::f32), output_size), DType::bf16);
  Shape shape = x.shape();
  shape[1] = h, shape[2] = w;
  Grid grid(x.shape(), shape);
  const OpAttributes shown = grid.described();
  const Array out = Array::empty(shape, x.dtype());
  with_floating(x.dtype(), "resize_nearest", [&]<class T>() { spread<T>(x.values().view<T>(), grid, out.view<T>()); });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<ResizeNode>(x.shape(), std::move(grid));
  return recorded("resize_nearest", {&x}, make_result(make_body(out), std::move(node), {&x}), [&] { return shown; });
}

Tensor mul_nearest(const Tensor& x, const Tensor& gate) {
  x.require_defined("mul_nearest", "the input"), gate.require_defined("mul_nearest", "the gate");
  if (x.dtype() == DType::bf16) return cast(mul_nearest(cast(x, DType::f32), cast(gate, DType::f32)), DType::bf16);
  if (x.rank() != 4 || gate.rank() != 4 || x.dtype() != gate.dtype() || x.size(0) != gate.size(0) ||
      x.size(3) != gate.size(3) || gate.size(1) < 1 || gate.size(2) < 1)
    fail("mul_nearest: the gate {} {} does not fit {} {}: both must be (N, H, W, C) with the same N and C",
         name_of(gate.dtype()), gate.shape().str(), name_of(x.dtype()), x.shape().str());
  Grid grid(gate.shape(), x.shape());
  const OpAttributes shown = grid.described();
  const Array out = Array::empty(x.shape(), x.dtype());
  with_floating(x.dtype(), "mul_nearest",
                [&]<class T>() { scale<T>(*x.body(), gate.values().view<T>(), grid, out.view<T>()); });
  NodePtr node;
  if (wants_grad({&x, &gate})) node = std::make_shared<MulNearestNode>(x.body(), gate.body(), std::move(grid));
  return recorded("mul_nearest", {&x, &gate}, make_result(make_body(out), std::move(node), {&x, &gate}),
                  [&] { return shown; });
}

std::vector<OpCase> resize_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, std::array<int64_t, 2> to) {
    cases.push_back({.name = name, .inputs = {x}, .run = [to](const auto& in) { return resize_nearest(in[0], to); }});
  };
  add("twice", {2, 3, 2, 5}, {6, 4});
  add("odd", {2, 3, 4, 3}, {7, 9});
  add("smaller", {1, 5, 6, 2}, {2, 4});
  add("mixed", {2, 2, 5, 17}, {5, 3});
  add("one_pixel", {3, 1, 1, 4}, {3, 2});
  add("same", {1, 2, 3, 2}, {2, 3});
  const auto gated = [&](const char* name, const Shape& x, const Shape& gate, const auto& before) {
    cases.push_back({.name = name, .inputs = {x, gate}, .run = [before](const auto& in) {
                       return mul_nearest(before(in[0]), in[1]);
                     }});
  };
  const auto nothing = [](const Tensor& x) { return x; };
  gated("gate_half", {2, 4, 6, 5}, {2, 2, 3, 5}, nothing);
  gated("gate_odd", {2, 7, 5, 3}, {2, 3, 2, 3}, nothing);
  gated("gate_larger", {1, 2, 3, 4}, {1, 5, 4, 4}, nothing);
  gated("gate_same", {2, 2, 3, 17}, {2, 2, 3, 17}, nothing);
  gated("of_normalised", {2, 4, 4, 5}, {2, 2, 2, 5},
        [](const Tensor& x) { return relu(batch_norm(x, {}, {}, {}, {.training = true})); });
  gated("gate_of_parts", {2, 4, 4, 3}, {2, 2, 2, 6}, [](const Tensor& x) { return cat({x, x}); });
  return cases;
}

}  // namespace ghost
