#include "core/ops/reduce.h"

#include <fmt/ranges.h>

#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/cast.h"
#include "core/ops/strided.h"

namespace ghost {
namespace {

// y = factor · Σ x over the dimensions in which `kept` has size 1
class SumNode final : public Node {
 public:
  SumNode(const char* op, const Shape& x, const Shape& kept, double factor)
      : op_(op), x_(x), kept_(kept), factor_(factor) {}
  const char* name() const override { return op_; }
  void backward(Gradient gy) override {
    const Array up = packed(materialise(std::move(gy)).g).with_shape(kept_);
    const auto slot = sink_of(0)->open(x_, up.dtype);
    with_floating(up.dtype, name(), [&]<class T>() {
      const Strided<T> g = strided<T>(up).repeated_to(x_), to = strided<T>(slot.to);
      const auto factor = static_cast<T>(factor_);
      if (slot.accumulate)
        for_elements([&](T& d, T k) { d += k * factor; }, to, g);
      else
        for_elements([&](T& d, T k) { d = k * factor; }, to, g);
    });
    sink_of(0)->close();
  }

 private:
  const char* op_;
  Shape x_, kept_;
  double factor_;
};

// The shape of x with size 1 in the dimensions that are summed over.
Shape kept_shape(const char* op, const Shape& x, const std::vector<int>& dims) {
  Shape kept = x;
  std::vector<bool> seen(Shape::kMaxRank);
  for (const int dim : dims) {
    const int d = dim < 0 ? dim + x.rank() : dim;
    if (d < 0 || d >= x.rank())
      fail("{}: dimension {} given, but {} has dimensions {} to {}", op, dim, x.str(), -x.rank(), x.rank() - 1);
    if (seen[static_cast<size_t>(d)]) fail("{}: dimension {} of {} is given twice", op, dim, x.str());
    seen[static_cast<size_t>(d)] = true;
    kept[d] = 1;
  }
  if (dims.empty())
    for (int d = 0; d < x.rank(); d++) kept[d] = 1;
  return kept;
}

Shape without(const Shape& x, const std::vector<int>& dims) {
  std::vector<bool> dropped(Shape::kMaxRank, dims.empty());
  for (const int d : dims) dropped[static_cast<size_t>(d < 0 ? d + x.rank() : d)] = true;
  std::vector<int64_t> left;
  for (int d = 0; d < x.rank(); d++)
    if (!dropped[static_cast<size_t>(d)]) left.push_back(x[d]);
  return Shape(left);
}

Tensor reduced(const char* op, const Tensor& x, const std::vector<int>& dims, bool keepdim, bool divide) {
  if (x.defined() && x.dtype() == DType::bf16) return reduced(op, cast(x, DType::f32), dims, keepdim, divide);
  x.require_defined(op, "the input");
  const Shape kept = kept_shape(op, x.shape(), dims);
  const Array out = Array::empty(kept, x.dtype());
  const double factor = divide ? static_cast<double>(kept.numel()) / static_cast<double>(x.numel()) : 1;
  with_floating(x.dtype(), op, [&]<class T>() {
    sum_elements(
        strided<T>(out), false, x.shape(), [&](T v) { return static_cast<double>(v) * factor; },
        strided<T>(x.values()));
  });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<SumNode>(op, x.shape(), kept, factor);
  return recorded(
      op, {&x}, make_result(make_body(keepdim ? out : out.with_shape(without(x.shape(), dims))), std::move(node), {&x}),
      [&] {
        OpAttribute over{"dims", {}};
        for (int d = 0; d < x.rank(); d++)
          if (dims.empty() ||
              std::any_of(dims.begin(), dims.end(), [&](int i) { return (i + x.rank()) % x.rank() == d; }))
            over.values.push_back(d);
        return OpAttributes{over, {"keepdim", {keepdim ? 1.0 : 0.0}}};
      });
}

}  // namespace

Tensor sum(const Tensor& x, const std::vector<int>& dims, bool keepdim) {
  return reduced("sum", x, dims, keepdim, false);
}
Tensor mean(const Tensor& x, const std::vector<int>& dims, bool keepdim) {
  return reduced("mean", x, dims, keepdim, true);
}

std::vector<OpCase> reduce_cases() {
  struct Row {
    Shape x;
    std::vector<int> dims;
  };
  const Row table[] = {{{2, 3, 5, 4}, {}},
                       {{2, 3, 5, 4}, {1, 2}},
                       {{2, 3, 5, 4}, {0, 1, 2}},
                       {{3, 7, 2}, {1}},
                       {{3, 7, 2}, {-1}},
                       {{3, 7, 2}, {0, 2}},
                       {{1, 1, 1, 17}, {1, 2}},
                       {{1, 9}, {0}},
                       {{40, 3, 5}, {1}},
                       {{7}, {0}},
                       {{}, {}}};
  std::vector<OpCase> cases;
  for (const Row& row : table)
    for (const bool keepdim : {false, true})
      for (const bool average : {false, true}) {
        const std::string name = fmt::format("{}{}_{}{}", average ? "mean" : "sum", row.x.str(),
                                             fmt::join(row.dims, "_"), keepdim ? "_keep" : "");
        cases.push_back({.name = name, .inputs = {row.x}, .run = [average, keepdim, dims = row.dims](const auto& in) {
                           return average ? mean(in[0], dims, keepdim) : sum(in[0], dims, keepdim);
                         }});
      }
  return cases;
}

}  // namespace ghost
