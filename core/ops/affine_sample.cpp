// Plain loops. Positions are computed in f64 for either dtype, so that both look into the same cells. In backward an
// image's block of channels is one thread's work: samples scatter into it in a fixed order.
#include "core/ops/affine_sample.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/cast.h"
#include "core/parallel.h"

namespace ghost {
namespace {

constexpr int64_t kTheta = 6;

// Where a sample lies: in the cell between the pixels (y, x) and (y + 1, x + 1), of which those outside are zero.
struct Place {
  int64_t y, x;
  double fy, fx;  // from the upper left pixel, in [0, 1)
};

// A part of the output: rows [row, row_end) of one image, channels [channel, channel_end).
struct Part {
  int64_t row, row_end, channel, channel_end;
};

// The geometry of one call, and the walk over its samples.
struct Sampler {
  int64_t h, w, ghosts;       // of each channel
  std::vector<double> theta;  // (O, 6)

  Sampler(const Shape& x, const Tensor& t) : h(x[1]), w(x[2]), ghosts(t.size(0) / x[3]), theta(t.to_vector<double>()) {}

  double across(int64_t j) const { return static_cast<double>(2 * j + 1) / static_cast<double>(w) - 1; }
  double down(int64_t i) const { return static_cast<double>(2 * i + 1) / static_cast<double>(h) - 1; }

  // visit(i, j, o, place) for every sample that touches the map, outside(i, j, o, value) with 0 for the others, or NaN
  // where the position is no number.
  template <class Visit, class Outside>
  void walk(const Part& part, Visit visit, Outside outside) const {
    const auto high = static_cast<double>(h), wide = static_cast<double>(w);
    for (int64_t i = part.row; i < part.row_end; i++)
      for (int64_t j = 0; j < w; j++) {
        const double u = across(j), v = down(i);
        for (int64_t o = part.channel; o < part.channel_end; o++) {
          const double* t = theta.data() + o * kTheta;
          const double x = ((t[0] * u + t[1] * v + t[2] + 1) * wide - 1) / 2;
          const double y = ((t[3] * u + t[4] * v + t[5] + 1) * high - 1) / 2;
          if (x > -1 && x < wide && y > -1 && y < high) {
            const double left = std::floor(x), top = std::floor(y);
            visit(i, j, o, Place{static_cast<int64_t>(top), static_cast<int64_t>(left), y - top, x - left});
          } else {
            outside(i, j, o, std::isfinite(x) && std::isfinite(y) ? 0 : std::numeric_limits<double>::quiet_NaN());
          }
        }
      }
  }
};

// The four pixels of a cell in one map of stride `step` per pixel; those outside read zero and are not written.
template <class T>
struct Cell {
  T *top, *bottom;  // at the left column; null: outside
  int64_t step;
  bool left, right;
  Cell(T* map, int64_t pixel_step, const Sampler& s, const Place& p)
      : top(p.y >= 0 ? map + (p.y * s.w + p.x) * pixel_step : nullptr),
        bottom(p.y + 1 < s.h ? map + ((p.y + 1) * s.w + p.x) * pixel_step : nullptr),
        step(pixel_step),
        left(p.x >= 0),
        right(p.x + 1 < s.w) {}
  double read(const T* row, bool there, int64_t at) const { return row && there ? static_cast<double>(row[at]) : 0; }
  double top_left() const { return read(top, left, 0); }
  double top_right() const { return read(top, right, step); }
  double bottom_left() const { return read(bottom, left, 0); }
  double bottom_right() const { return read(bottom, right, step); }
  void add(double g, const Place& p) const {
    const auto put = [&](T* row, double weight) {
      if (row && left) row[0] += static_cast<T>(weight * (1 - p.fx));
      if (row && right) row[step] += static_cast<T>(weight * p.fx);
    };
    put(top, g * (1 - p.fy)), put(bottom, g * p.fy);
  }
};

double between(double a, double b, double share) { return a + share * (b - a); }

template <class T>
void sample(const View<T>& x, const Sampler& s, const View<T>& y) {
  const int64_t lines = y.n() * s.h;
  parallel_chunks(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / s.h, i = line % s.h;
      T* to = y.pixel(line * s.w);
      s.walk(
          {i, i + 1, 0, y.c()},
          [&](int64_t, int64_t j, int64_t o, const Place& p) {
            const Cell<T> cell(x.row(image, 0) + o / s.ghosts, x.stride, s, p);
            const double above = between(cell.top_left(), cell.top_right(), p.fx);
            const double below = between(cell.bottom_left(), cell.bottom_right(), p.fx);
            to[j * y.stride + o] = static_cast<T>(between(above, below, p.fy));
          },
          [&](int64_t, int64_t j, int64_t o, double value) { to[j * y.stride + o] = static_cast<T>(value); });
    }
  });
}

// What backward reads and writes; an undefined view is not wanted.
template <class T>
struct SampleGradient {
  View<T> g, x, to_x;
  bool accumulate;
  std::vector<double> theta;  // (N, O, 6), empty if not wanted

  void run(const Sampler& s) {
    constexpr int64_t kBlock = 64 / sizeof(T);  // channels of a cache line
    const int64_t channels = g.c() / s.ghosts, blocks = (channels + kBlock - 1) / kBlock;
    parallel_for(g.n() * blocks, [&](int64_t item) {
      const int64_t first = item % blocks * kBlock, last = std::min(first + kBlock, channels);
      block(s, item / blocks, first, last);
    });
  }

 private:
  void block(const Sampler& s, int64_t image, int64_t first, int64_t last) {
    if (to_x.data && !accumulate)
      for (int64_t p = 0; p < s.h * s.w; p++) std::fill(to(image, p) + first, to(image, p) + last, T(0));
    const double wide = static_cast<double>(s.w) / 2, high = static_cast<double>(s.h) / 2;
    const T* up = g.row(image, 0);
    s.walk(
        {0, s.h, first * s.ghosts, last * s.ghosts},
        [&](int64_t i, int64_t j, int64_t o, const Place& p) {
          const auto gy = static_cast<double>(up[(i * s.w + j) * g.stride + o]);
          const int64_t map = o / s.ghosts;
          if (to_x.data) Cell<T>(to(image, 0) + map, to_x.stride, s, p).add(gy, p);
          if (theta.empty()) return;
          const Cell<T> cell(x.row(image, 0) + map, x.stride, s, p);
          const double a = cell.top_left(), b = cell.top_right(), c = cell.bottom_left(), d = cell.bottom_right();
          const double along_x = gy * wide * between(b - a, d - c, p.fy);
          const double along_y = gy * high * between(c - a, d - b, p.fx);
          double* t = theta.data() + (image * g.c() + o) * kTheta;
          const double u = s.across(j), v = s.down(i);
          t[0] += along_x * u, t[1] += along_x * v, t[2] += along_x;
          t[3] += along_y * u, t[4] += along_y * v, t[5] += along_y;
        },
        [](int64_t, int64_t, int64_t, double) {});
  }
  T* to(int64_t image, int64_t pixel) const { return to_x.row(image, 0) + pixel * to_x.stride; }
};

template <class T>
Array summed_over_images(const std::vector<double>& theta, const Shape& shape) {
  const Array out = Array::empty(shape, dtype_of<T>);
  const int64_t size = shape.numel();
  for (int64_t k = 0; k < size; k++) {
    double total = 0;
    for (auto at = static_cast<size_t>(k); at < theta.size(); at += static_cast<size_t>(size)) total += theta[at];
    out.data<T>()[k] = static_cast<T>(total);
  }
  return out;
}

class AffineSampleNode final : public Node {
 public:
  AffineSampleNode(const Tensor& x, const Tensor& theta) : x_(x.shape()), theta_(theta.shape()) {
    save(theta.node() ? x.body() : nullptr), save(theta.body());
  }
  const char* name() const override { return "affine_sample"; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    GradSink *to_x = sink_of(0), *to_theta = sink_of(1);
    const Sampler sampler(x_, Tensor(saved(1, "theta"), nullptr));
    with_floating(g.dtype, name(), [&]<class T>() {
      SampleGradient<T> gradient{.g = g.view<T>(), .x = {}, .to_x = {}, .accumulate = false, .theta = {}};
      if (to_x) {
        const auto slot = to_x->open(x_, g.dtype);
        gradient.to_x = slot.to.view<T>(), gradient.accumulate = slot.accumulate;
      }
      if (to_theta) {
        gradient.x = values(saved(0, "the input")).view<T>();
        gradient.theta.resize(static_cast<size_t>(x_[0] * theta_.numel()));
      }
      gradient.run(sampler);
      if (to_x) to_x->close();
      if (to_theta) to_theta->give({summed_over_images<T>(gradient.theta, theta_)});
    });
  }

 private:
  Shape x_, theta_;
};

}  // namespace

Tensor affine_sample(const Tensor& x, const Tensor& theta) {
  if (x.defined() && x.dtype() == DType::bf16) return cast(affine_sample(cast(x, DType::f32), theta), DType::bf16);
  x.require_defined("affine_sample", "the input"), theta.require_defined("affine_sample", "theta");
  const Shape &s = x.shape(), &t = theta.shape();
  if (s.rank() != 4) fail("affine_sample: input is {}, but must be (N, H, W, C)", s.str());
  if (s[3] < 1 || t.rank() != 3 || t[1] != 2 || t[2] != 3 || t[0] < 1 || t[0] % s[3] != 0)
    fail("affine_sample: theta is {}, but for input {} must be (a multiple of {}, 2, 3)", t.str(), s.str(), s[3]);
  if (theta.dtype() != x.dtype())
    fail("affine_sample: input is {}, but theta is {}", name_of(x.dtype()), name_of(theta.dtype()));
  const Array out = Array::empty({s[0], s[1], s[2], t[0]}, x.dtype());
  with_floating(x.dtype(), "affine_sample",
                [&]<class T>() { sample<T>(x.values().view<T>(), Sampler(s, theta), out.view<T>()); });
  NodePtr node;
  if (wants_grad({&x, &theta})) node = std::make_shared<AffineSampleNode>(x, theta);
  return recorded("affine_sample", {&x, &theta}, make_result(make_body(out), std::move(node), {&x, &theta}));
}

std::vector<OpCase> affine_sample_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, int64_t out) {
    cases.push_back({.name = name,
                     .inputs = {x, {out, 2, 3}},
                     .run = [](const auto& in) { return affine_sample(in[0], in[1]); },
                     .lo = -0.9,
                     .hi = 0.9});
  };
  add("one_each", {2, 5, 4, 3}, 3);
  add("two_each", {2, 3, 6, 2}, 4);
  add("more_than_a_block", {2, 3, 3, 19}, 19);
  add("one_pixel", {3, 1, 1, 2}, 4);
  return cases;
}

}  // namespace ghost
