// y (N, H', W', C) = mean over a window of each pixel; of bf16 in f32 where there is one window for an image. Inputs
// are read row by row through their pending transform; gradients are gathered row by row, so each element has one
// writer and the sums come along.
#include "core/op_recorder.h"
#include "core/ops/block_reader.h"
#include "core/ops/cast.h"
#include "core/ops/pool_window.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// The inputs [begin, end) of one dimension that one output averages, and its factor of the divisor.
struct Window {
  int64_t begin, end;
  double divisor;
};
using Windows = std::vector<Window>;

Windows strided_windows(const PoolAxis& a, bool count_padding) {
  Windows w;
  for (int64_t o = 0; o < a.out; o++) {
    const int64_t first = o * a.stride - a.padding, last = std::min(first + a.kernel, a.in + a.padding);
    const int64_t begin = std::max<int64_t>(first, 0), end = std::min(last, a.in);
    w.push_back({begin, end, static_cast<double>(count_padding ? last - first : end - begin)});
  }
  return w;
}

// The o-th of `out` nearly even parts: [⌊o·in/out⌋, ⌈(o + 1)·in/out⌉)
Windows adaptive_windows(int64_t in, int64_t out) {
  Windows w;
  for (int64_t o = 0; o < out; o++) {
    const int64_t begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
    w.push_back({begin, end, static_cast<double>(end - begin)});
  }
  return w;
}

// Begin, end and divisor of one window after the other.
OpAttribute as_attribute(const char* name, const Windows& windows) {
  OpAttribute attribute{name, {}};
  for (const Window& w : windows)
    attribute.values.insert(attribute.values.end(),
                            {static_cast<double>(w.begin), static_cast<double>(w.end), w.divisor});
  return attribute;
}

// Windows that lie side by side and leave nothing out: every input is in one.
bool tiles(const Windows& windows, int64_t in) {
  int64_t next = 0;
  for (const Window& w : windows) {
    if (w.begin != next) return false;
    next = w.end;
  }
  return next == in;
}

template <class S>
void take_averages(const Body& x, const Array& out, const Windows& rows_windows, const Windows& columns) {
  using T = Compute<S>;
  const Shape& in = x.raw.shape;
  const View<T> y = out.view<T>();
  const int64_t c = y.c(), lines = y.n() * y.h(), width = y.w() * c;
  // A window over whole rows is one run of pixels.
  const bool whole_rows = columns.size() == 1 && tiles(columns, in[2]);
  const int64_t run = whole_rows ? pixels_per_run(c) : in[2];
  parallel_sweep(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    const BlockReader<S> reader(x, run);
    std::vector<double> total(static_cast<size_t>(width));
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / y.h();
      const Window& window = rows_windows[static_cast<size_t>(line % y.h())];
      std::fill(total.begin(), total.end(), 0.0);
      const int64_t first = (image * in[1] + window.begin) * in[2], last = (image * in[1] + window.end) * in[2];
      for (int64_t p = first; p < last; p += run) {
        const int64_t count = std::min(run, last - p);
        const auto block = reader.read(p, count);
        for (int64_t ox = 0; ox < y.w(); ox++) {
          const Window& w = columns[static_cast<size_t>(ox)];
          passes<T>().column_sums(total.data() + ox * c, block.pixel(whole_rows ? 0 : w.begin), block.step,
                                  whole_rows ? count : w.end - w.begin, c);
        }
      }
      T* to = y.pixel(line * y.w());
      for (int64_t ox = 0; ox < y.w(); ox++) {
        const double divisor = window.divisor * columns[static_cast<size_t>(ox)].divisor;
        for (int64_t k = ox * c; k < (ox + 1) * c; k++) to[k] = static_cast<T>(total[static_cast<size_t>(k)] / divisor);
      }
    }
  });
}

template <class S>
EpilogueResult give_averages(const Array& gradient, const GradSink::Slot& slot, const Windows& rows_windows,
                             const Windows& columns) {
  using T = Compute<S>;
  const View<T> g = gradient.view<T>();
  const View<S> to = slot.to.view<S>();
  const int64_t c = g.c(), lines = to.n() * to.h(), chunks = chunk_count(lines);
  const bool once = tiles(rows_windows, to.h()) && tiles(columns, to.w()), add = slot.accumulate || !once;
  EpilogueRunner<S> runner(slot, chunks);
  parallel_sweep(lines, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    std::vector<T> share(static_cast<size_t>(c));
    int64_t summed = begin;
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / to.h(), iy = line % to.h();
      if (add && !slot.accumulate)
        for (int64_t p = line * to.w(); p < (line + 1) * to.w(); p++) std::fill_n(to.pixel(p), c, S{});
      for (int64_t oy = 0; oy < g.h(); oy++) {
        const Window& window = rows_windows[static_cast<size_t>(oy)];
        if (iy < window.begin || iy >= window.end) continue;
        for (int64_t ox = 0; ox < g.w(); ox++) {
          const Window& w = columns[static_cast<size_t>(ox)];
          const T* up = g.pixel((image * g.h() + oy) * g.w() + ox);
          const T part = static_cast<T>(1 / (window.divisor * w.divisor));
          for (int64_t k = 0; k < c; k++) share[static_cast<size_t>(k)] = up[k] * part;
          passes<S>().put(to.pixel(line * to.w() + w.begin), to.stride, share.data(), 0, w.end - w.begin, c, add);
        }
      }
      if (line + 1 < end && (line + 1 - summed) * to.w() < kPixelsPerSum) continue;
      runner.add(chunk, summed * to.w(), (line + 1 - summed) * to.w());
      summed = line + 1;
    }
  });
  return runner.merged();
}

template <class T>
void scale(const View<T>& x, const View<T>& y, T by) {
  for (int64_t p = 0; p < x.pixels(); p++) {
    const T* from = x.pixel(p);
    T* to = y.pixel(p);
    for (int64_t k = 0; k < x.c(); k++) to[k] = from[k] * by;
  }
}

class AvgPoolNode final : public Node {
 public:
  AvgPoolNode(const char* op, const Tensor& x, Windows rows_windows, Windows columns)
      : op_(op), x_(x.shape()), dtype_(x.dtype()), rows_(std::move(rows_windows)), columns_(std::move(columns)) {}
  const char* name() const override { return op_; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    if (rows_.size() == 1 && columns_.size() == 1 && tiles(rows_, x_[1]) && tiles(columns_, x_[2])) {
      const Array share = Array::empty(g.shape, g.dtype);
      with_floating(g.dtype, op_, [&]<class T>() {
        scale<T>(g.view<T>(), share.view<T>(), static_cast<T>(1 / (rows_[0].divisor * columns_[0].divisor)));
      });
      return sink_of(0)->give_by_image({.shape = x_, .dtype = dtype_, .offset = share});
    }
    const auto slot = sink_of(0)->open(x_, dtype_);
    sink_of(0)->close(with_storage(dtype_, op_, [&]<class S>() { return give_averages<S>(g, slot, rows_, columns_); }));
  }

 private:
  const char* op_;
  Shape x_;
  DType dtype_;  // of x
  Windows rows_, columns_;
};

Tensor averaged(const char* op, const Tensor& x, Windows rows_windows, Windows columns) {
  const Shape& s = x.shape();
  const Array out = Array::empty({s[0], std::ssize(rows_windows), std::ssize(columns), s[3]}, compute_type(x.dtype()));
  with_storage(x.dtype(), op, [&]<class S>() { take_averages<S>(*x.body(), out, rows_windows, columns); });
  const bool of_images = out.shape[1] * out.shape[2] == 1;  // small, and what follows it is as small
  OpAttributes windows;
  if (active_recorder()) windows = {as_attribute("rows", rows_windows), as_attribute("columns", columns)};
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<AvgPoolNode>(op, x, std::move(rows_windows), std::move(columns));
  const Tensor y =
      recorded("averages", {&x}, make_result(make_body(out), std::move(node), {&x}), [&] { return windows; });
  return of_images ? y : cast(y, x.dtype());
}

}  // namespace

Tensor avg_pool2d(const Tensor& x, const PoolOptions& options) {
  check_pool_input("avg_pool2d", x);
  if (options.dilation != std::array<int64_t, 2>{1, 1})
    fail("avg_pool2d: dilation ({}, {}) given, but it has none: (1, 1)", options.dilation[0], options.dilation[1]);
  const Shape y = pool_output_shape("avg_pool2d", x.shape(), options);
  return averaged("avg_pool2d", x, strided_windows(PoolAxis(x.shape(), y, options, 0), options.count_include_pad),
                  strided_windows(PoolAxis(x.shape(), y, options, 1), options.count_include_pad));
}

Tensor adaptive_avg_pool2d(const Tensor& x, std::array<int64_t, 2> output_size) {
  check_pool_input("adaptive_avg_pool2d", x);
  if (output_size[0] < 1 || output_size[1] < 1 || x.size(1) < 1 || x.size(2) < 1)
    fail("adaptive_avg_pool2d: output size ({}, {}) given for input {}, but both must be at least 1", output_size[0],
         output_size[1], x.shape().str());
  return averaged("adaptive_avg_pool2d", x, adaptive_windows(x.size(1), output_size[0]),
                  adaptive_windows(x.size(2), output_size[1]));
}

Tensor global_avg_pool(const Tensor& x) {
  check_pool_input("global_avg_pool", x);
  if (x.size(1) < 1 || x.size(2) < 1) fail("global_avg_pool: input {} has no pixels", x.shape().str());
  return averaged("global_avg_pool", x, adaptive_windows(x.size(1), 1), adaptive_windows(x.size(2), 1));
}

}  // namespace ghost
