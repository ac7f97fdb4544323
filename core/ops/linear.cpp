#include "core/ops/linear.h"

#include <algorithm>

#include "core/kernels/gemm.h"
#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/cast.h"
#include "core/shapes_only.h"

namespace ghost {
namespace {

void check(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  x.require_defined("linear", "the input"), weight.require_defined("linear", "the weight");
  if (!is_floating(x.dtype())) fail("linear: works on f32 and f64 tensors, but got {}", name_of(x.dtype()));
  if (x.rank() < 1) fail("linear: input is a single number, but needs a dimension of channels");
  if (weight.rank() != 2) fail("linear: weight is {}, but needs two dimensions (O, I)", weight.shape().str());
  if (x.size(-1) != weight.size(1))
    fail("linear: input {} has {} channels, but weight {} expects {}", x.shape().str(), x.size(-1),
         weight.shape().str(), weight.size(1));
  if (weight.dtype() != x.dtype())
    fail("linear: input is {}, but weight is {}", name_of(x.dtype()), name_of(weight.dtype()));
  if (!bias.defined()) return;
  if (bias.dtype() != x.dtype()) fail("linear: input is {}, but bias is {}", name_of(x.dtype()), name_of(bias.dtype()));
  if (bias.rank() != 1 || bias.numel() != weight.size(0))
    fail("linear: bias is {}, but weight {} makes {} channels", bias.shape().str(), weight.shape().str(),
         weight.size(0));
}

template <class T>
Matrix<T> matrix(const Array& a, Transpose transpose = Transpose::no) {
  return {a.data<T>(), a.stride, transpose};
}

// x (P, I), weight (O, I): gx = g · weight, gw = gᵀ · x, gb = Σ g
class LinearNode final : public Node {
 public:
  LinearNode(const Tensor& x, const Tensor& weight) : shape_(x.shape()), out_(weight.size(0)) {
    save(weight.node() ? x.body() : nullptr);
    save(x.node() ? weight.body() : nullptr);
  }
  const char* name() const override { return "linear"; }
  void backward(Gradient gy) override {
    gy = materialise(std::move(gy));
    with_floating(gy.g.dtype, name(), [&]<class T>() { run<T>(gy.g); });
  }

 private:
  template <class T>
  void run(const Array& g) {
    const int64_t pixels = shape_.pixels(), in = shape_.channels();
    const Matrix<T> gradient = matrix<T>(g);
    if (GradSink* to = sink_of(0)) {
      const Array& weight = values(saved(1, "weight"));
      const auto slot = to->open(shape_, g.dtype);
      parallel_gemm(pixels, in, out_, gradient, matrix<T>(weight), slot.to.data<T>(), slot.to.stride, slot.accumulate);
      to->close();
    }
    if (GradSink* to = sink_of(1)) {
      const Array& x = values(saved(0, "input"));
      const auto slot = to->open({out_, in}, g.dtype);
      parallel_gemm(out_, in, pixels, matrix<T>(g, Transpose::yes), matrix<T>(x), slot.to.data<T>(), slot.to.stride,
                    slot.accumulate);
      to->close();
    }
    if (GradSink* to = sink_of(2)) {
      const auto slot = to->open({out_}, g.dtype);
      parallel_column_sums(gradient.data, g.stride, pixels, out_, slot.to.data<T>(), slot.accumulate);
      to->close();
    }
  }

  const Shape shape_;  // of x
  const int64_t out_;
};

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (x.defined() && x.dtype() == DType::bf16) return linear(cast(x, DType::f32), weight, bias);
  check(x, weight, bias);
  const int64_t pixels = x.shape().pixels(), in = x.size(-1), out = weight.size(0);
  Shape shape = x.shape();
  shape[-1] = out;
  const Array y = Array::empty(shape, x.dtype());
  if (shapes_only()) return make_result(make_body(y), nullptr, {});
  with_floating(x.dtype(), "linear", [&]<class T>() {
    if (bias.defined()) {
      const T* b = bias.values().data<T>();
      for (int64_t p = 0; p < pixels; p++) std::copy_n(b, out, y.data<T>() + p * out);
    }
    parallel_gemm(pixels, out, in, matrix<T>(x.values()), matrix<T>(weight.values(), Transpose::yes), y.data<T>(), out,
                  bias.defined());
  });
  NodePtr node;
  if (wants_grad({&x, &weight, &bias})) node = std::make_shared<LinearNode>(x, weight);
  return recorded("linear", {&x, &weight, &bias}, make_result(make_body(y), node, {&x, &weight, &bias}));
}

std::vector<OpCase> linear_cases() {
  std::vector<OpCase> cases;
  const auto with = [&](const Shape& x, int64_t out, bool bias) {
    OpCase c{
        .name = fmt::format("{}_to_{}{}", x.str(), out, bias ? "_bias" : ""),
        .inputs = {x, {out, x.channels()}},
        .run = [](const std::vector<Tensor>& in) { return linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor()); }};
    if (bias) c.inputs.push_back({out});
    cases.push_back(std::move(c));
  };
  for (const bool bias : {false, true}) {
    with({4, 7}, 5, bias), with({3}, 4, bias), with({2, 3, 5}, 1, bias), with({2, 1, 1, 17}, 19, bias);
  }
  with({33, 70}, 66, true);
  return cases;
}

}  // namespace ghost
