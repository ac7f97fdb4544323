// Binary operators with broadcasting. Each reads finished values and lets a size of 1 repeat; the gradient of what
// repeated is a sum. The shapes that networks spend time in have folding paths of their own: add.cpp, channel_gate.cpp.
#include "core/ops/arithmetic.h"

#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/arithmetic_detail.h"
#include "core/ops/batch_norm.h"
#include "core/ops/cast.h"
#include "core/ops/conv2d.h"
#include "core/ops/pool.h"
#include "core/ops/strided.h"

namespace ghost {
namespace {

// value(a, b) and the gradients a_term(g, a, b), b_term(g, a, b) of one element; `linear`: these do not read a and b.
struct Add {
  static constexpr const char* name = "add";
  static constexpr bool linear = true;
  template <class T>
  static T value(T a, T b) {
    return a + b;
  }
  template <class T>
  static T a_term(T g, T, T) {
    return g;
  }
  template <class T>
  static T b_term(T g, T, T) {
    return g;
  }
};
struct Sub {
  static constexpr const char* name = "sub";
  static constexpr bool linear = true;
  template <class T>
  static T value(T a, T b) {
    return a - b;
  }
  template <class T>
  static T a_term(T g, T, T) {
    return g;
  }
  template <class T>
  static T b_term(T g, T, T) {
    return -g;
  }
};
struct Mul {
  static constexpr const char* name = "mul";
  static constexpr bool linear = false;
  template <class T>
  static T value(T a, T b) {
    return a * b;
  }
  template <class T>
  static T a_term(T g, T, T b) {
    return g * b;
  }
  template <class T>
  static T b_term(T g, T a, T) {
    return g * a;
  }
};
struct Div {
  static constexpr const char* name = "div";
  static constexpr bool linear = false;
  template <class T>
  static T value(T a, T b) {
    return a / b;
  }
  template <class T>
  static T a_term(T g, T, T b) {
    return g / b;
  }
  template <class T>
  static T b_term(T g, T a, T b) {
    return -g * (a / b) / b;
  }
};

// slot = or += Σ term(g, a, b) over what was repeated; all shapes are those of g but for the slot's
template <class T, class Term>
void write_terms(const GradSink::Slot& slot, Term term, const Strided<T>& g, const Strided<T>& a, const Strided<T>& b) {
  const Strided<T> to = strided<T>(slot.to).aligned_to(g.shape.rank());
  if (!(to.shape == g.shape)) return sum_elements(to, slot.accumulate, g.shape, term, g, a, b);
  if (slot.accumulate)
    for_elements([&](T& d, T k, T x, T y) { d += term(k, x, y); }, to, g, a, b);
  else
    for_elements([&](T& d, T k, T x, T y) { d = term(k, x, y); }, to, g, a, b);
}

template <class Op>
class BinaryNode final : public Node {
 public:
  BinaryNode(const Tensor& a, const Tensor& b) : shapes_{a.shape(), b.shape()} {
    if (!Op::linear) save(a.body()), save(b.body());
  }
  const char* name() const override { return Op::name; }
  void backward(Gradient gy) override {
    const Array up = materialise(std::move(gy)).g;
    with_floating(up.dtype, name(), [&]<class T>() {
      const Strided<T> g = strided<T>(up);
      Strided<T> a = g, b = g;  // not read if the operator is linear
      if (!Op::linear) {
        a = strided<T>(values(saved(0, "the first operand"))).repeated_to(up.shape);
        b = strided<T>(values(saved(1, "the second operand"))).repeated_to(up.shape);
      }
      for (size_t i = 0; i < 2; i++) {
        GradSink* to = sink_of(i);
        if (!to) continue;
        const auto slot = to->open(shapes_[i], up.dtype);
        if (i == 0)
          write_terms(
              slot, [](T k, T x, T y) { return Op::a_term(k, x, y); }, g, a, b);
        else
          write_terms(
              slot, [](T k, T x, T y) { return Op::b_term(k, x, y); }, g, a, b);
        to->close();
      }
    });
  }

 private:
  Shape shapes_[2];
};

template <class Op>
Tensor binary(const Tensor& a, const Tensor& b) {
  a.require_defined(Op::name, "the first operand"), b.require_defined(Op::name, "the second operand");
  if (compute_type(a.dtype()) == compute_type(b.dtype()) && (a.dtype() == DType::bf16 || b.dtype() == DType::bf16))
    return cast(binary<Op>(cast(a, DType::f32), cast(b, DType::f32)), DType::bf16);
  if (a.dtype() != b.dtype())
    fail("{}: the operands are {} {} and {} {}, but must have one dtype", Op::name, name_of(a.dtype()), a.shape().str(),
         name_of(b.dtype()), b.shape().str());
  const Array out = Array::empty(broadcast_shape(a.shape(), b.shape(), Op::name), a.dtype());
  with_floating(a.dtype(), Op::name, [&]<class T>() {
    for_elements([](T& d, T x, T y) { d = Op::value(x, y); }, strided<T>(out),
                 strided<T>(a.values()).repeated_to(out.shape), strided<T>(b.values()).repeated_to(out.shape));
  });
  NodePtr node;
  if (wants_grad({&a, &b})) node = std::make_shared<BinaryNode<Op>>(a, b);
  return recorded(Op::name, {&a, &b}, make_result(make_body(out), std::move(node), {&a, &b}));
}

bool is_channel_gate(const Shape& x, const Shape& gate) {
  return x.rank() == 4 && gate.rank() == 4 && gate == Shape{x[0], 1, 1, x[3]} && !(gate == x);
}

}  // namespace

Shape broadcast_shape(const Shape& a, const Shape& b, const char* op) {
  std::vector<int64_t> dims(static_cast<size_t>(std::max(a.rank(), b.rank())), 1);
  for (int back = 1; back <= static_cast<int>(dims.size()); back++) {
    const int64_t m = back <= a.rank() ? a[-back] : 1, n = back <= b.rank() ? b[-back] : 1;
    if (m != n && m != 1 && n != 1)
      fail("{}: shapes {} and {} do not fit: {} and {} at dimension -{} are neither equal nor 1", op, a.str(), b.str(),
           m, n, back);
    dims[dims.size() - static_cast<size_t>(back)] = m == 1 ? n : m;
  }
  return Shape(dims);
}

Tensor broadcast_add(const Tensor& a, const Tensor& b) { return binary<Add>(a, b); }
Tensor sub(const Tensor& a, const Tensor& b) { return binary<Sub>(a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return binary<Div>(a, b); }

KernelChoice& mul_kernels() {
  static KernelChoice choice("mul", {"channel_gate", "broadcast"});
  return choice;
}

Tensor mul(const Tensor& a, const Tensor& b) {
  const auto gates = [](const Tensor& x, const Tensor& gate) {
    const bool fits = gate.dtype() == x.dtype() || gate.dtype() == compute_type(x.dtype());
    return fits && is_channel_gate(x.shape(), gate.shape());
  };
  if (a.defined() && b.defined() && !mul_kernels().forced("broadcast")) {
    if (gates(a, b)) return mul_by_channel_gate(a, cast(b, compute_type(a.dtype())));
    if (gates(b, a)) return mul_by_channel_gate(b, cast(a, compute_type(b.dtype())));
  }
  return binary<Mul>(a, b);
}

std::vector<OpCase> arithmetic_cases() {
  using Binary = Tensor (*)(const Tensor&, const Tensor&);
  struct Row {
    const char* name;
    Binary f;
    double lo, hi;
  };
  const Row table[] = {{"add", add, -2, 2}, {"sub", sub, -2, 2}, {"mul", mul, -2, 2}, {"div", div, 0.5, 2}};
  const std::pair<Shape, Shape> shapes[] = {{{2, 3, 5, 4}, {2, 3, 5, 4}},
                                            {{4, 7}, {7}},
                                            {{2, 3, 4, 5}, {5}},
                                            {{2, 4, 5, 6}, {2, 1, 1, 6}},
                                            {{3, 1, 1, 5}, {3, 1, 1, 5}},
                                            {{2, 3, 4}, {}},
                                            {{}, {2, 3}},
                                            {{2, 1, 5, 3}, {1, 4, 1, 3}},
                                            {{2, 3, 4, 1}, {2, 3, 4, 5}},
                                            {{1, 1, 1, 6}, {2, 4, 5, 6}},
                                            {{1, 3, 3, 17}, {1, 1, 1, 17}},
                                            {{5, 1}, {1, 7}},
                                            {{2, 1, 1, 6}, {2, 4, 5, 6}},
                                            {{}, {}}};
  std::vector<OpCase> cases;
  for (const Row& row : table)
    for (const auto& [a, b] : shapes)
      cases.push_back({.name = row.name + a.str() + b.str(),
                       .inputs = {a, b},
                       .run = [f = row.f](const auto& in) { return f(in[0], in[1]); },
                       .lo = row.lo,
                       .hi = row.hi});
  // What a gate and a mean over the same images give is written together, unless another writer comes between.
  const auto shared = [&](const char* name, const std::function<Tensor(const Tensor& x, const Tensor& mean)>& run) {
    cases.push_back({.name = name,
                     .inputs = {{3, 4, 5, 7}, {7, 1, 1, 7}},
                     .run =
                         [run](const std::vector<Tensor>& in) {
                           const Tensor x = batch_norm(conv2d(in[0], in[1]), {}, {}, {}, {.training = true});
                           return run(x, global_avg_pool(x));
                         },
                     .roundings = 4});
  };
  shared("gate_of_mean", [](const Tensor& x, const Tensor& mean) { return mul(x, mean); });
  shared("gate_of_mean_and_x", [](const Tensor& x, const Tensor& mean) { return add(mul(x, mean), x); });
  shared("gate_between", [](const Tensor& x, const Tensor& mean) { return mul(mul(x, mean), mul(x, x)); });
  shared("gate_twice", [](const Tensor& x, const Tensor& mean) { return add(mul(x, mean), mul(mean, x)); });
  shared("mean_twice", [](const Tensor& x, const Tensor& mean) { return mul(x, add(mean, global_avg_pool(x))); });
  shared("mean_alone", [](const Tensor&, const Tensor& mean) { return mul(mean, mean); });
  cases.push_back({.name = "gate_of_leaf", .inputs = {{3, 4, 5, 7}}, .run = [](const std::vector<Tensor>& in) {
                     return mul(in[0], global_avg_pool(in[0]));
                   }});
  return cases;
}

}  // namespace ghost
