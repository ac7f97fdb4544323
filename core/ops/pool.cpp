// Pooling. Inputs are read row by row through their pending transform, so a max compares finished values whatever the
// sign of the scale; gradients are gathered row by row, so each element has one writer and the sums come along.
#include "core/ops/pool.h"

#include <limits>

#include "core/ops/block_reader.h"
#include "core/parallel.h"

namespace ghost {
namespace {

void check_input(const char* op, const Tensor& x) {
  x.require_defined(op, "the input");
  if (x.rank() != 4) fail("{}: input is {}, but must be (N, H, W, C)", op, x.shape().str());
}

int64_t output_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bool ceil_mode) {
  const int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
  if (room < 0 && !(ceil_mode && room + stride - 1 >= 0)) return 0;
  const int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  // a window must start in the input or in the padding before it
  return ceil_mode && (out - 1) * stride >= in + padding ? out - 1 : out;
}

Shape output_shape(const char* op, const Shape& x, const PoolOptions& o) {
  Shape y = x;
  for (int d = 0; d < 2; d++) {
    const auto i = static_cast<size_t>(d);
    const char* side = d == 0 ? "height" : "width";
    if (o.kernel[i] < 1 || o.stride[i] < 1 || o.dilation[i] < 1 || o.padding[i] < 0)
      fail(
          "{}: kernel {}, stride {}, dilation {} and padding {} given for the {}, but the first three must be at least "
          "1 "
          "and the last at least 0",
          op, o.kernel[i], o.stride[i], o.dilation[i], o.padding[i], side);
    if (o.padding[i] > o.kernel[i] / 2)
      fail("{}: padding {} given for the {}, but with kernel {} at most {} is possible", op, o.padding[i], side,
           o.kernel[i], o.kernel[i] / 2);
    y[d + 1] = output_size(x[d + 1], o.kernel[i], o.stride[i], o.padding[i], o.dilation[i], o.ceil_mode);
    if (y[d + 1] < 1)
      fail("{}: kernel {} with dilation {} and padding {} does not fit the {} of input {}", op, o.kernel[i],
           o.dilation[i], o.padding[i], side, x.str());
  }
  return y;
}

// Which input pixel of one dimension tap u of output o reads; −1 lies in the padding.
struct Axis {
  int64_t in, out, kernel, stride, padding, dilation;
  Axis(const Shape& x, const Shape& y, const PoolOptions& o, int d)
      : in(x[d + 1]),
        out(y[d + 1]),
        kernel(o.kernel[static_cast<size_t>(d)]),
        stride(o.stride[static_cast<size_t>(d)]),
        padding(o.padding[static_cast<size_t>(d)]),
        dilation(o.dilation[static_cast<size_t>(d)]) {}
  int64_t source(int64_t o, int64_t u) const {
    const int64_t i = o * stride - padding + u * dilation;
    return i >= 0 && i < in ? i : -1;
  }
  // The output whose tap u reads input i; −1 if there is none.
  int64_t target(int64_t i, int64_t u) const {
    const int64_t start = i + padding - u * dilation;
    return start >= 0 && start % stride == 0 && start / stride < out ? start / stride : -1;
  }
};

// ---- max

// The tap (u · kernel width + v) that each output took its value from; −1 if its window holds padding only.
using Taps = int32_t;

// Those of all outputs, which backward needs and nothing else: a byte each where all taps of a window fit, since at the
// four that loops beside f32 want they were as large as the output.
class KeptTaps {
 public:
  KeptTaps(const Shape& y, int64_t window)
      : row_(y[2] * y[3]),
        small_(window <= kMost),
        memory_(static_cast<size_t>(y.numel()) * (small_ ? sizeof(uint8_t) : sizeof(Taps))) {}
  int64_t row() const { return row_; }
  void write(int64_t line, const Taps* from) {
    if (small_)
      std::transform(from, from + row_, at<uint8_t>(line), [](Taps t) { return static_cast<uint8_t>(t); });
    else
      std::copy_n(from, row_, at<Taps>(line));
  }
  void read(int64_t line, Taps* to) const {
    if (small_)
      std::copy_n(at<uint8_t>(line), row_, to);
    else
      std::copy_n(at<Taps>(line), row_, to);
  }

 private:
  static constexpr int64_t kMost = 255;  // −1 becomes 255, which is no tap of them
  template <class Kept>
  Kept* at(int64_t line) const {
    return static_cast<Kept*>(memory_.data()) + line * row_;
  }
  int64_t row_;  // outputs of one line
  bool small_;
  Storage memory_;
};

template <class T>
void take_max(const Body& x, const Array& out, const Axis& rows_axis, const Axis& columns, KeptTaps& taps) {
  const View<T> y = out.view<T>();
  const int64_t c = y.c(), lines = y.n() * y.h();
  parallel_sweep(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    const BlockReader<T> reader(x, columns.in);
    std::vector<Taps> row_taps(static_cast<size_t>(taps.row()));
    Taps* const tap = row_taps.data();
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / y.h(), oy = line % y.h();
      T* to = y.pixel(line * y.w());
      std::fill_n(to, y.w() * c, -std::numeric_limits<T>::infinity());
      std::fill_n(tap, y.w() * c, -1);
      for (int64_t u = 0; u < rows_axis.kernel; u++) {
        const int64_t iy = rows_axis.source(oy, u);
        if (iy < 0) continue;
        const auto row = reader.read((image * rows_axis.in + iy) * columns.in, columns.in);
        for (int64_t ox = 0; ox < y.w(); ox++)
          for (int64_t v = 0; v < columns.kernel; v++) {
            const int64_t ix = columns.source(ox, v);
            if (ix < 0) continue;
            const T* from = row.pixel(ix);
            T* best = to + ox * c;
            Taps* at = tap + ox * c;
            const auto here = static_cast<Taps>(u * columns.kernel + v);
            for (int64_t k = 0; k < c; k++) {
              // the first of equals; a NaN wins; −∞ counts, where it is all there is
              const bool wins = from[k] > best[k] || from[k] != from[k] ||  // NOLINT(misc-redundant-expression): NaN
                                at[k] < 0;
              best[k] = wins ? from[k] : best[k], at[k] = wins ? here : at[k];
            }
          }
      }
      taps.write(line, tap);
    }
  });
}

// d (+)= where the output took its value from `here`. Every value is read whether it is used or not: which one it is
// cannot be predicted, so a branch would cost more than all the rest.
template <class T>
void give_to_tap(T* __restrict d, const T* __restrict up, const Taps* __restrict at, Taps here, int64_t c, bool add) {
  for (int64_t k = 0; k < c; k++) {
    const T value = up[k], before = add ? d[k] : T(0);
    d[k] = before + (at[k] == here ? value : T(0));
  }
}

template <class T>
SumsPtr give_max(const Array& gradient, const GradSink::Slot& slot, const Axis& rows_axis, const Axis& columns,
                 const KeptTaps& taps) {
  const View<T> g = gradient.view<T>(), to = slot.to.view<T>();
  const int64_t c = g.c(), lines = to.n() * to.h(), chunks = chunk_count(lines);
  SlotSums<T> sums(slot, chunks);
  // Windows that lie side by side and leave nothing out: every input is given to once.
  const auto tiled = [](const Axis& a) {
    return a.stride == a.kernel && a.dilation == 1 && a.padding == 0 && a.out * a.stride == a.in;
  };
  const bool once = tiled(rows_axis) && tiled(columns), add = slot.accumulate || !once;
  parallel_sweep(lines, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    std::vector<Taps> row_taps(static_cast<size_t>(taps.row()));
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / to.h(), iy = line % to.h();
      if (add && !slot.accumulate)
        for (int64_t p = line * to.w(); p < (line + 1) * to.w(); p++) std::fill_n(to.pixel(p), c, T(0));
      for (int64_t u = 0; u < rows_axis.kernel; u++) {
        const int64_t oy = rows_axis.target(iy, u);
        if (oy < 0) continue;
        taps.read(image * g.h() + oy, row_taps.data());
        for (int64_t ox = 0; ox < g.w(); ox++) {
          const int64_t pixel = (image * g.h() + oy) * g.w() + ox;
          const T* up = g.pixel(pixel);
          const Taps* at = row_taps.data() + ox * c;
          for (int64_t v = 0; v < columns.kernel; v++) {
            const int64_t ix = columns.source(ox, v);
            if (ix < 0) continue;
            give_to_tap(to.pixel(line * to.w() + ix), up, at, static_cast<Taps>(u * columns.kernel + v), c, add);
          }
        }
      }
      sums.add(chunk, line * to.w(), to.w());
    }
  });
  return sums.merged();
}

class MaxPoolNode final : public Node {
 public:
  MaxPoolNode(const Shape& x, const Axis& rows_axis, const Axis& columns, std::unique_ptr<KeptTaps> taps)
      : x_(x), rows_(rows_axis), columns_(columns), taps_(std::move(taps)) {}
  const char* name() const override { return "max_pool2d"; }
  void backward(Gradient gy) override {
    const Array g = finished(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, g.dtype);
    sink_of(0)->close(
        with_floating(g.dtype, name(), [&]<class T>() { return give_max<T>(g, slot, rows_, columns_, *taps_); }));
    taps_ = nullptr;
  }

 private:
  Shape x_;
  Axis rows_, columns_;
  std::unique_ptr<KeptTaps> taps_;
};

// ---- averages

// The inputs [begin, end) of one dimension that one output averages, and its factor of the divisor.
struct Window {
  int64_t begin, end;
  double divisor;
};
using Windows = std::vector<Window>;

Windows strided_windows(const Axis& a, bool count_padding) {
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

// Windows that lie side by side and leave nothing out: every input is in one.
bool tiles(const Windows& windows, int64_t in) {
  int64_t next = 0;
  for (const Window& w : windows) {
    if (w.begin != next) return false;
    next = w.end;
  }
  return next == in;
}

template <class T>
void take_averages(const Body& x, const Array& out, const Windows& rows_windows, const Windows& columns) {
  const Shape& in = x.raw.shape;
  const View<T> y = out.view<T>();
  const int64_t c = y.c(), lines = y.n() * y.h(), width = y.w() * c;
  // A window over whole rows is one run of pixels.
  const bool whole_rows = columns.size() == 1 && tiles(columns, in[2]);
  const int64_t run = whole_rows ? pixels_per_run(c) : in[2];
  parallel_sweep(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    const BlockReader<T> reader(x, run);
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
          rows<T>().column_sums(total.data() + ox * c, block.pixel(whole_rows ? 0 : w.begin), block.step,
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

template <class T>
SumsPtr give_averages(const Array& gradient, const GradSink::Slot& slot, const Windows& rows_windows,
                      const Windows& columns) {
  const View<T> g = gradient.view<T>(), to = slot.to.view<T>();
  const int64_t c = g.c(), lines = to.n() * to.h(), chunks = chunk_count(lines);
  const bool once = tiles(rows_windows, to.h()) && tiles(columns, to.w()), add = slot.accumulate || !once;
  SlotSums<T> sums(slot, chunks);
  parallel_sweep(lines, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    std::vector<T> share(static_cast<size_t>(c));
    int64_t summed = begin;
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / to.h(), iy = line % to.h();
      if (add && !slot.accumulate)
        for (int64_t p = line * to.w(); p < (line + 1) * to.w(); p++) std::fill_n(to.pixel(p), c, T(0));
      for (int64_t oy = 0; oy < g.h(); oy++) {
        const Window& window = rows_windows[static_cast<size_t>(oy)];
        if (iy < window.begin || iy >= window.end) continue;
        for (int64_t ox = 0; ox < g.w(); ox++) {
          const Window& w = columns[static_cast<size_t>(ox)];
          const T* up = g.pixel((image * g.h() + oy) * g.w() + ox);
          const T part = static_cast<T>(1 / (window.divisor * w.divisor));
          for (int64_t k = 0; k < c; k++) share[static_cast<size_t>(k)] = up[k] * part;
          rows<T>().gradient(to.pixel(line * to.w() + w.begin), to.stride, share.data(), 0, nullptr, 0, w.end - w.begin,
                             c, nullptr, add);
        }
      }
      if (line + 1 < end && (line + 1 - summed) * to.w() < kPixelsPerSum) continue;
      sums.add(chunk, summed * to.w(), (line + 1 - summed) * to.w());
      summed = line + 1;
    }
  });
  return sums.merged();
}

class AvgPoolNode final : public Node {
 public:
  AvgPoolNode(const char* op, const Shape& x, Windows rows_windows, Windows columns)
      : op_(op), x_(x), rows_(std::move(rows_windows)), columns_(std::move(columns)) {}
  const char* name() const override { return op_; }
  void backward(Gradient gy) override {
    const Array g = finished(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, g.dtype);
    sink_of(0)->close(
        with_floating(g.dtype, op_, [&]<class T>() { return give_averages<T>(g, slot, rows_, columns_); }));
  }

 private:
  const char* op_;
  Shape x_;
  Windows rows_, columns_;
};

Tensor averaged(const char* op, const Tensor& x, Windows rows_windows, Windows columns) {
  const Shape& s = x.shape();
  const Array out = Array::empty(
      {s[0], static_cast<int64_t>(rows_windows.size()), static_cast<int64_t>(columns.size()), s[3]}, x.dtype());
  with_floating(x.dtype(), op, [&]<class T>() { take_averages<T>(*x.body(), out, rows_windows, columns); });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<AvgPoolNode>(op, s, std::move(rows_windows), std::move(columns));
  return make_result(make_body(out), std::move(node), {&x});
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const PoolOptions& options) {
  check_input("max_pool2d", x);
  const Array out = Array::empty(output_shape("max_pool2d", x.shape(), options), x.dtype());
  const Axis rows_axis(x.shape(), out.shape, options, 0), columns(x.shape(), out.shape, options, 1);
  auto taps = std::make_unique<KeptTaps>(out.shape, rows_axis.kernel * columns.kernel);
  with_floating(x.dtype(), "max_pool2d", [&]<class T>() { take_max<T>(*x.body(), out, rows_axis, columns, *taps); });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<MaxPoolNode>(x.shape(), rows_axis, columns, std::move(taps));
  return make_result(make_body(out), std::move(node), {&x});
}

Tensor avg_pool2d(const Tensor& x, const PoolOptions& options) {
  check_input("avg_pool2d", x);
  if (options.dilation != std::array<int64_t, 2>{1, 1})
    fail("avg_pool2d: dilation ({}, {}) given, but it has none: (1, 1)", options.dilation[0], options.dilation[1]);
  const Shape y = output_shape("avg_pool2d", x.shape(), options);
  return averaged("avg_pool2d", x, strided_windows(Axis(x.shape(), y, options, 0), options.count_include_pad),
                  strided_windows(Axis(x.shape(), y, options, 1), options.count_include_pad));
}

Tensor adaptive_avg_pool2d(const Tensor& x, std::array<int64_t, 2> output_size) {
  check_input("adaptive_avg_pool2d", x);
  if (output_size[0] < 1 || output_size[1] < 1 || x.size(1) < 1 || x.size(2) < 1)
    fail("adaptive_avg_pool2d: output size ({}, {}) given for input {}, but both must be at least 1", output_size[0],
         output_size[1], x.shape().str());
  return averaged("adaptive_avg_pool2d", x, adaptive_windows(x.size(1), output_size[0]),
                  adaptive_windows(x.size(2), output_size[1]));
}

Tensor global_avg_pool(const Tensor& x) {
  check_input("global_avg_pool", x);
  if (x.size(1) < 1 || x.size(2) < 1) fail("global_avg_pool: input {} has no pixels", x.shape().str());
  return averaged("global_avg_pool", x, adaptive_windows(x.size(1), 1), adaptive_windows(x.size(2), 1));
}

std::vector<OpCase> pool_cases() {
  std::vector<OpCase> cases;
  struct Row {
    const char* name;
    Shape x;
    PoolOptions o;
  };
  const Row table[] = {
      {"k2s2", {2, 8, 6, 3}, {}},
      {"k2s2_odd", {2, 7, 9, 3}, {}},
      {"k3s2p1", {2, 9, 8, 5}, {.kernel = {3, 3}, .padding = {1, 1}}},
      {"k3s1p1", {1, 6, 5, 4}, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}},
      {"k3s2_ceil", {2, 8, 10, 3}, {.kernel = {3, 3}, .ceil_mode = true}},
      {"k3s2p1_ceil", {1, 8, 7, 3}, {.kernel = {3, 3}, .padding = {1, 1}, .ceil_mode = true}},
      {"k2s2p1_ceil_clip", {1, 5, 5, 2}, {.padding = {1, 1}, .ceil_mode = true}},
      {"k2x3_s1x2", {2, 6, 9, 2}, {.kernel = {2, 3}, .stride = {1, 2}, .padding = {0, 1}}},
      {"k3s5_gaps", {1, 11, 12, 3}, {.kernel = {3, 3}, .stride = {5, 5}}},
      {"whole", {2, 7, 7, 4}, {.kernel = {7, 7}, .stride = {7, 7}}},
      {"1x1", {3, 1, 1, 17}, {.kernel = {1, 1}, .stride = {1, 1}}},
  };
  for (const Row& row : table) {
    cases.push_back({.name = std::string("max_") + row.name,
                     .inputs = {row.x},
                     .run = [o = row.o](const auto& in) { return max_pool2d(in[0], o); },
                     .distinct = true});
    for (const bool count : {true, false}) {
      PoolOptions o = row.o;
      o.count_include_pad = count;
      cases.push_back({.name = std::string("avg_") + row.name + (count ? "" : "_excluded"),
                       .inputs = {row.x},
                       .run = [o](const auto& in) { return avg_pool2d(in[0], o); }});
    }
  }
  cases.push_back(
      {.name = "max_dilation2",
       .inputs = {{1, 9, 9, 2}},
       .run =
           [](const auto& in) {
             return max_pool2d(in[0], {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}, .dilation = {2, 2}});
           },
       .distinct = true});
  const std::pair<Shape, std::array<int64_t, 2>> adaptive[] = {{{2, 5, 7, 6}, {1, 1}},
                                                               {{3, 1, 1, 4}, {1, 1}},
                                                               {{2, 8, 11, 4}, {3, 5}},
                                                               {{1, 3, 3, 2}, {5, 5}},
                                                               {{1, 10, 13, 3}, {7, 7}}};
  for (const auto& [x, out] : adaptive)
    cases.push_back({.name = fmt::format("adaptive_{}x{}_of_{}", out[0], out[1], x.str()),
                     .inputs = {x},
                     .run = [size = out](const auto& in) { return adaptive_avg_pool2d(in[0], size); }});
  for (const Shape& x : {Shape{2, 5, 7, 6}, Shape{1, 1, 1, 17}, Shape{3, 6, 5, 8}})
    cases.push_back(
        {.name = "global" + x.str(), .inputs = {x}, .run = [](const auto& in) { return global_avg_pool(in[0]); }});
  return cases;
}

}  // namespace ghost
