// Element by element: one node and one pair of loops serve every function below. relu is elsewhere, because it folds.
#include "core/ops/activation.h"

#include <cmath>

#include "core/ops/block_reader.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// A function is a name, a value and a slope. The slope gets the input, or, if `from_result` is set, the result: then
// only that is kept.

template <class T>
T between(T x, T lo, T hi) {  // keeps a NaN
  const T raised = x < lo ? lo : x;
  return raised > hi ? hi : raised;
}

struct Relu6 {
  static constexpr const char* name = "relu6";
  static constexpr bool from_result = false;
  template <class T>
  T value(T x) const {
    return between(x, T(0), T(6));
  }
  template <class T>
  T slope(T x) const {
    return x <= 0 || x >= 6 ? T(0) : T(1);
  }
};
struct HardSigmoid {
  static constexpr const char* name = "hard_sigmoid";
  static constexpr bool from_result = false;
  template <class T>
  T value(T x) const {
    return between(x + 3, T(0), T(6)) / 6;
  }
  template <class T>
  T slope(T x) const {
    return x > -3 && x < 3 ? T(1) / 6 : T(0);
  }
};
struct Hardswish {
  static constexpr const char* name = "hardswish";
  static constexpr bool from_result = false;
  template <class T>
  T value(T x) const {
    return x * between(x + 3, T(0), T(6)) / 6;
  }
  template <class T>
  T slope(T x) const {
    return x < -3 ? T(0) : x <= 3 ? x / 3 + T(0.5) : T(1);
  }
};
template <class T>
T logistic(T x) {  // with an exponential that cannot overflow
  const T e = std::exp(-std::abs(x));
  return (x < 0 ? e : T(1)) / (1 + e);
}
struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr bool from_result = true;
  template <class T>
  T value(T x) const {
    return logistic(x);
  }
  template <class T>
  T slope(T y) const {
    return y * (1 - y);
  }
};
struct Silu {
  static constexpr const char* name = "silu";
  static constexpr bool from_result = false;
  template <class T>
  T value(T x) const {
    return x * logistic(x);
  }
  template <class T>
  T slope(T x) const {
    const T s = logistic(x);
    return s * (1 + x * (1 - s));
  }
};
struct Exp {
  static constexpr const char* name = "exp";
  static constexpr bool from_result = true;
  template <class T>
  T value(T x) const {
    return std::exp(x);
  }
  template <class T>
  T slope(T y) const {
    return y;
  }
};
struct Log {
  static constexpr const char* name = "log";
  static constexpr bool from_result = false;
  template <class T>
  T value(T x) const {
    return std::log(x);
  }
  template <class T>
  T slope(T x) const {
    return 1 / x;
  }
};
struct Sqrt {
  static constexpr const char* name = "sqrt";
  static constexpr bool from_result = true;
  template <class T>
  T value(T x) const {
    return std::sqrt(x);
  }
  template <class T>
  T slope(T y) const {
    return 1 / (2 * y);
  }
};
struct Clamp {
  static constexpr const char* name = "clamp";
  static constexpr bool from_result = false;
  double lo, hi;
  template <class T>
  T value(T x) const {
    return between(x, static_cast<T>(lo), static_cast<T>(hi));
  }
  template <class T>
  T slope(T x) const {
    return x >= static_cast<T>(lo) && x <= static_cast<T>(hi) ? T(1) : T(0);
  }
};

template <class T, class F>
void apply(const F& f, const Body& x, const Array& out) {
  const View<T> y = out.view<T>();
  const int64_t c = y.channels(), run = pixels_per_run(c);
  parallel_sweep(y.pixels(), chunk_count(y.pixels()), [&](int64_t, int64_t begin, int64_t end) {
    const BlockReader<T> reader(x, run);
    for (int64_t p = begin; p < end; p += run) {
      const int64_t count = std::min(run, end - p);
      const auto from = reader.read(p, count);
      for (int64_t i = 0; i < count; i++) {
        const T* s = from.pixel(i);
        T* d = y.pixel(p + i);
        for (int64_t k = 0; k < c; k++) d[k] = f.value(s[k]);
      }
    }
  });
}

// slot = or += g · slope
template <class T, class F>
EpilogueResult apply_slope(const F& f, const Body& kept, const Array& gradient, const GradSink::Slot& slot) {
  const View<T> g = gradient.view<T>(), to = slot.to.view<T>();
  const int64_t c = g.channels(), run = pixels_per_run(c), chunks = chunk_count(g.pixels());
  EpilogueRunner<T> runner(slot, chunks);
  parallel_sweep(g.pixels(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    const BlockReader<T> reader(kept, run);
    for (int64_t p = begin; p < end; p += run) {
      const int64_t count = std::min(run, end - p);
      const auto from = reader.read(p, count);
      for (int64_t i = 0; i < count; i++) {
        const T *s = from.pixel(i), *up = g.pixel(p + i);
        T* d = to.pixel(p + i);
        if (slot.accumulate)
          for (int64_t k = 0; k < c; k++) d[k] += up[k] * f.slope(s[k]);
        else
          for (int64_t k = 0; k < c; k++) d[k] = up[k] * f.slope(s[k]);
      }
      runner.add(chunk, p, count);
    }
  });
  return runner.merged();
}

template <class F>
class UnaryNode final : public Node {
 public:
  UnaryNode(F f, const BodyPtr& kept) : f_(f) { save(kept); }
  const char* name() const override { return F::name; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    const BodyPtr& kept = saved(0, F::from_result ? "result" : "input");
    const auto slot = sink_of(0)->open(g.shape, g.dtype);
    sink_of(0)->close(with_floating(g.dtype, F::name, [&]<class T>() { return apply_slope<T>(f_, *kept, g, slot); }));
  }

 private:
  F f_;
};

template <class F>
Tensor unary(const Tensor& x, F f) {
  x.require_defined(F::name, "the input");
  const Array out = Array::empty(x.shape(), x.dtype());
  with_floating(x.dtype(), F::name, [&]<class T>() { apply<T>(f, *x.body(), out); });
  BodyPtr y = make_body(out);
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<UnaryNode<F>>(f, F::from_result ? y : x.body());
  return make_result(std::move(y), std::move(node), {&x});
}

}  // namespace

Tensor relu6(const Tensor& x) { return unary(x, Relu6{}); }
Tensor hard_sigmoid(const Tensor& x) { return unary(x, HardSigmoid{}); }
Tensor hardswish(const Tensor& x) { return unary(x, Hardswish{}); }
Tensor sigmoid(const Tensor& x) { return unary(x, Sigmoid{}); }
Tensor silu(const Tensor& x) { return unary(x, Silu{}); }
Tensor exp(const Tensor& x) { return unary(x, Exp{}); }
Tensor log(const Tensor& x) { return unary(x, Log{}); }
Tensor sqrt(const Tensor& x) { return unary(x, Sqrt{}); }
Tensor clamp(const Tensor& x, double lo, double hi) { return unary(x, Clamp{lo, hi}); }

std::vector<OpCase> activation_cases() {
  std::vector<OpCase> cases;
  struct Row {
    const char* name;
    Tensor (*f)(const Tensor&);
    double lo, hi, kink_margin;
  };
  const Row table[] = {
      {"relu6", relu6, -2, 8, 0.05},
      {"hard_sigmoid", hard_sigmoid, -5, 5, 0.05},
      {"hardswish", hardswish, -5, 5, 0.05},
      {"sigmoid", sigmoid, -6, 6, 0},
      {"silu", silu, -6, 6, 0},
      {"exp", exp, -2, 2, 0},
      {"log", log, 0.25, 4, 0},
      {"sqrt", sqrt, 0.25, 4, 0},
      {"clamp", [](const Tensor& x) { return clamp(x, -1, 1.5); }, -2, 3, 0.05},
  };
  for (const Row& row : table)
    for (const Shape& shape : {Shape{2, 3, 5, 4}, Shape{1, 1, 1, 17}, Shape{5, 9}, Shape{7}, Shape{}})
      cases.push_back({.name = row.name + shape.str(),
                       .inputs = {shape},
                       .run = [f = row.f](const auto& in) { return f(in[0]); },
                       .lo = row.lo,
                       .hi = row.hi,
                       .kink_margin = row.kink_margin});
  return cases;
}

}  // namespace ghost
