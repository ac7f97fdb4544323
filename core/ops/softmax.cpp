// Along one dimension, in f64 and from the largest element down, so that no exponential overflows.
#include "core/ops/softmax.h"

#include <cmath>
#include <limits>

#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/cast.h"
#include "core/ops/strided.h"

namespace ghost {
namespace {

// f(line of a, line of b, …) for every line along `dim`; operands have equal shapes. A line is (first element, step).
template <class T>
struct Line {
  T* data;
  int64_t step;
  T& operator[](int64_t i) const { return data[i * step]; }
};
template <class T>
Line(T*, int64_t) -> Line<T>;

template <class F, class... S>
void for_lines(int dim, F f, const S&... operands) {
  constexpr size_t kOperands = sizeof...(S);
  const Shape shape = std::get<0>(std::tie(operands...)).shape;
  Walk<kOperands> others;
  for (int d = 0; d < shape.rank(); d++)
    if (d != dim) others.add(shape[d], {operands.steps[static_cast<size_t>(d)]...});
  const auto along = static_cast<size_t>(dim);
  const int64_t lines = others.size();
  parallel_chunks(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const auto at = others.offsets(i);
      [&]<size_t... K>(std::index_sequence<K...>) { f(Line{operands.data + at[K], operands.steps[along]}...); }
      (std::make_index_sequence<kOperands>{});
    }
  });
}

class SoftmaxNode final : public Node {
 public:
  SoftmaxNode(const BodyPtr& y, int dim, bool logarithm) : dim_(dim), log_(logarithm) { save(y); }
  const char* name() const override { return log_ ? "log_softmax" : "softmax"; }
  void backward(Gradient gy) override {
    const Array up = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(up.shape, up.dtype);
    with_floating(up.dtype, name(), [&]<class T>() {
      const int64_t n = up.shape[dim_];
      auto of_line = [&](Line<T> y, Line<T> g, Line<T> to) {
        double total = 0;  // softmax: gx = y · (g − Σ g·y); log_softmax: gx = g − eʸ · Σ g
        for (int64_t i = 0; i < n; i++) total += static_cast<double>(log_ ? g[i] : g[i] * y[i]);
        for (int64_t i = 0; i < n; i++) {
          const double v = y[i], k = g[i], gx = log_ ? k - std::exp(v) * total : v * (k - total);
          to[i] = static_cast<T>(gx + (slot.accumulate ? static_cast<double>(to[i]) : 0));
        }
      };
      for_lines(dim_, of_line, strided<T>(values(saved(0, "result"))), strided<T>(up), strided<T>(slot.to));
    });
    sink_of(0)->close();
  }

 private:
  int dim_;
  bool log_;
};

Tensor softmax_along(const char* op, const Tensor& x, int dim, bool logarithm) {
  if (x.defined() && x.dtype() == DType::bf16) return softmax_along(op, cast(x, DType::f32), dim, logarithm);
  x.require_defined(op, "the input");
  const int d = dim < 0 ? dim + x.rank() : dim;
  if (d < 0 || d >= x.rank())
    fail("{}: dimension {} given, but {} has dimensions {} to {}", op, dim, x.shape().str(), -x.rank(), x.rank() - 1);
  const Array out = Array::empty(x.shape(), x.dtype());
  with_floating(x.dtype(), op, [&]<class T>() {
    const int64_t n = out.shape[d];
    auto of_line = [&](Line<T> from, Line<T> to) {
      double top = -std::numeric_limits<double>::infinity(), total = 0;
      for (int64_t i = 0; i < n; i++) top = std::max(top, static_cast<double>(from[i]));
      for (int64_t i = 0; i < n; i++) total += std::exp(from[i] - top);
      const double log_total = std::log(total);
      for (int64_t i = 0; i < n; i++) {
        const double v = from[i] - top;
        to[i] = static_cast<T>(logarithm ? v - log_total : std::exp(v) / total);
      }
    };
    for_lines(d, of_line, strided<T>(x.values()), strided<T>(out));
  });
  BodyPtr y = make_body(out);
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<SoftmaxNode>(y, d, logarithm);
  return recorded(op, {&x}, make_result(std::move(y), std::move(node), {&x}), [&] {
    return OpAttributes{{"dim", {static_cast<double>(d)}}};
  });
}

}  // namespace

Tensor softmax(const Tensor& x, int dim) { return softmax_along("softmax", x, dim, false); }
Tensor log_softmax(const Tensor& x, int dim) { return softmax_along("log_softmax", x, dim, true); }

std::vector<OpCase> softmax_cases() {
  struct Row {
    Shape x;
    int dim;
  };
  const Row table[] = {{{5, 10}, 1}, {{2, 3, 4, 5}, 3}, {{2, 3, 4, 5}, 1}, {{1, 1, 1, 7}, -1},
                       {{3, 4}, 0},  {{9}, 0},          {{4, 1}, 1}};
  std::vector<OpCase> cases;
  for (const Row& row : table)
    for (const bool logarithm : {false, true})
      cases.push_back({.name = fmt::format("{}{}_{}", logarithm ? "log_softmax" : "softmax", row.x.str(), row.dim),
                       .inputs = {row.x},
                       .run = [logarithm, dim = row.dim](
                                  const auto& in) { return logarithm ? log_softmax(in[0], dim) : softmax(in[0], dim); },
                       .lo = -4,
                       .hi = 4});
  return cases;
}

}  // namespace ghost
