// y (N, H', W', C) = max over the window of each pixel. Inputs are read row by row through their pending transform, so
// finished values are compared whatever the sign of the scale; gradients are gathered row by row, so each element has
// one writer and the sums come along.
#include <limits>
#include <type_traits>

#include "core/kernels/scratch.h"
#include "core/op_recorder.h"
#include "core/ops/block_reader.h"
#include "core/ops/pool_window.h"
#include "core/parallel.h"

namespace ghost {
namespace {

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

// Where a row of the result is computed: in its place, or, where values are rounded when they are stored, in memory of
// this thread, from which put_row() stores it.
template <class S>
Compute<S>* row_in_compute(S* row, int64_t elements) {
  if constexpr (std::is_same_v<S, Compute<S>>)
    return row;
  else
    return scratch<Compute<S>>(ScratchSlot::result, elements);
}
template <class S>
void put_row(S* row, const Compute<S>* from, int64_t elements) {
  if constexpr (!std::is_same_v<S, Compute<S>>) passes<S>().put(row, elements, from, elements, 1, elements, false);
}

template <class S>
void take_max(const Body& x, const Array& out, const PoolAxis& rows_axis, const PoolAxis& columns, KeptTaps& taps) {
  using T = Compute<S>;
  const View<S> y = out.view<S>();
  const int64_t c = y.c(), lines = y.n() * y.h();
  parallel_sweep(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    const BlockReader<S> reader(x, columns.in);
    std::vector<Taps> row_taps(static_cast<size_t>(taps.row()));
    Taps* const tap = row_taps.data();
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / y.h(), oy = line % y.h();
      T* to = row_in_compute<S>(y.pixel(line * y.w()), y.w() * c);
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
      put_row<S>(y.pixel(line * y.w()), to, y.w() * c);
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

template <class S>
EpilogueResult give_max(const Array& gradient, const GradSink::Slot& slot, const PoolAxis& rows_axis,
                        const PoolAxis& columns, const KeptTaps& taps) {
  using T = Compute<S>;
  constexpr bool kInPlace = std::is_same_v<S, T>;
  const View<S> g = gradient.view<S>(), to = slot.to.view<S>();
  const int64_t c = g.c(), lines = to.n() * to.h(), chunks = chunk_count(lines);
  EpilogueRunner<S> runner(slot, chunks);
  // Windows that lie side by side and leave nothing out: every input is given to once.
  const auto tiled = [](const PoolAxis& a) {
    return a.stride == a.kernel && a.dilation == 1 && a.padding == 0 && a.out * a.stride == a.in;
  };
  const bool once = tiled(rows_axis) && tiled(columns), add = (kInPlace && slot.accumulate) || !once;
  parallel_sweep(lines, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    std::vector<Taps> row_taps(static_cast<size_t>(taps.row()));
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / to.h(), iy = line % to.h();
      // What is rounded when it is stored is gathered, and read, in memory of this thread.
      T* row = nullptr;
      int64_t step = c;
      if constexpr (kInPlace)
        row = to.pixel(line * to.w()), step = to.stride;
      else
        row = scratch<T>(ScratchSlot::result, to.w() * c);
      if (add && !(kInPlace && slot.accumulate))
        for (int64_t p = 0; p < to.w(); p++) std::fill_n(row + p * step, c, T(0));
      for (int64_t u = 0; u < rows_axis.kernel; u++) {
        const int64_t oy = rows_axis.target(iy, u);
        if (oy < 0) continue;
        const int64_t above = image * g.h() + oy;
        taps.read(above, row_taps.data());
        const T* up = nullptr;
        int64_t up_step = c;
        if constexpr (kInPlace) {
          up = g.pixel(above * g.w()), up_step = g.stride;
        } else {
          T* staged = scratch<T>(ScratchSlot::gradient, g.w() * c);
          passes<S>().stage({staged, 0, c}, {g.pixel(above * g.w()), 0, g.stride}, 1, g.w(), c, nullptr);
          up = staged;
        }
        for (int64_t ox = 0; ox < g.w(); ox++, up += up_step) {
          const Taps* at = row_taps.data() + ox * c;
          for (int64_t v = 0; v < columns.kernel; v++) {
            const int64_t ix = columns.source(ox, v);
            if (ix < 0) continue;
            give_to_tap(row + ix * step, up, at, static_cast<Taps>(u * columns.kernel + v), c, add);
          }
        }
      }
      if constexpr (!kInPlace) passes<S>().put(to.pixel(line * to.w()), to.stride, row, c, to.w(), c, slot.accumulate);
      runner.add(chunk, line * to.w(), to.w());
    }
  });
  return runner.merged();
}

class MaxPoolNode final : public Node {
 public:
  MaxPoolNode(const Shape& x, const PoolAxis& rows_axis, const PoolAxis& columns, std::unique_ptr<KeptTaps> taps)
      : x_(x), rows_(rows_axis), columns_(columns), taps_(std::move(taps)) {}
  const char* name() const override { return "max_pool2d"; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, g.dtype);
    sink_of(0)->close(
        with_storage(g.dtype, name(), [&]<class S>() { return give_max<S>(g, slot, rows_, columns_, *taps_); }));
    taps_ = nullptr;
  }

 private:
  Shape x_;
  PoolAxis rows_, columns_;
  std::unique_ptr<KeptTaps> taps_;
};

}  // namespace

Tensor max_pool2d(const Tensor& x, const PoolOptions& options) {
  check_pool_input("max_pool2d", x);
  const Array out = Array::empty(pool_output_shape("max_pool2d", x.shape(), options), x.dtype());
  const PoolAxis rows_axis(x.shape(), out.shape, options, 0), columns(x.shape(), out.shape, options, 1);
  auto taps = std::make_unique<KeptTaps>(out.shape, rows_axis.kernel * columns.kernel);
  with_storage(x.dtype(), "max_pool2d", [&]<class S>() { take_max<S>(*x.body(), out, rows_axis, columns, *taps); });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<MaxPoolNode>(x.shape(), rows_axis, columns, std::move(taps));
  return recorded("max_pool2d", {&x}, make_result(make_body(out), std::move(node), {&x}), [&] {
    return OpAttributes{{"kernel", as_attribute(options.kernel)},
                        {"stride", as_attribute(options.stride)},
                        {"padding", as_attribute(options.padding)},
                        {"dilation", as_attribute(options.dilation)}};
  });
}

}  // namespace ghost
