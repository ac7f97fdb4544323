#include "core/ops/resize.h"

#include <algorithm>
#include <cmath>

#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/block_reader.h"
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

}  // namespace

Tensor resize_nearest(const Tensor& x, std::array<int64_t, 2> output_size) {
  x.require_defined("resize_nearest", "the input");
  const auto [h, w] = output_size;
  if (x.rank() != 4) fail("resize_nearest: input is {}, but must be (N, H, W, C)", x.shape().str());
  if (h < 1 || w < 1 || x.size(1) < 1 || x.size(2) < 1)
    fail("resize_nearest: input {} to {}x{}, but all sizes must be at least 1", x.shape().str(), h, w);
  if (h == x.size(1) && w == x.size(2)) return x;
  Shape shape = x.shape();
  shape[1] = h, shape[2] = w;
  Grid grid(x.shape(), shape);
  OpAttributes sources;
  if (active_recorder()) sources = {{"rows", as_attribute(grid.rows)}, {"columns", as_attribute(grid.columns)}};
  const Array out = Array::empty(shape, x.dtype());
  with_floating(x.dtype(), "resize_nearest", [&]<class T>() { spread<T>(x.values().view<T>(), grid, out.view<T>()); });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<ResizeNode>(x.shape(), std::move(grid));
  return recorded("resize_nearest", {&x}, make_result(make_body(out), std::move(node), {&x}), [&] { return sources; });
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
  return cases;
}

}  // namespace ghost
