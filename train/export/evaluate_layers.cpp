// ONNX's definitions (onnx.ai/onnx/operators) of what networks compute with, by our operators.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "core/ops/linear.h"
#include "core/ops/pool.h"
#include "core/ops/shape_ops.h"
#include "train/export/evaluator.h"

namespace ghost::onnx {
namespace {

std::array<int64_t, 2> pair_of(const Operands& from, const char* name, int64_t otherwise) {
  const Dims values = from.attribute(name, Dims{otherwise, otherwise});
  if (values.size() != 2) from.refuse(fmt::format("its {} are not two numbers", name));
  return {values[0], values[1]};
}

// With its padding around it, of which the operators then know nothing: ONNX's may differ from side to side.
Tensor padded(const Operands& from, const Tensor& x, double value) {
  const Dims pads = from.attribute("pads", Dims{0, 0, 0, 0});
  if (pads.size() != 4) from.refuse("its pads are not four numbers");
  if (std::count(pads.begin(), pads.end(), 0) == 4) return x;
  return pad(x, {.left = pads[1], .right = pads[3], .top = pads[0], .bottom = pads[2], .value = value});
}

Tensor conv(const Operands& from) {
  Tensor x = from.in(0);
  const Dims pads = from.attribute("pads", Dims{0, 0, 0, 0});
  Conv2dOptions options{.stride = pair_of(from, "strides", 1),
                        .padding = {0, 0},
                        .dilation = pair_of(from, "dilations", 1),
                        .groups = from.attribute("group", int64_t{1})};
  if (pads.size() == 4 && pads[0] == pads[2] && pads[1] == pads[3])
    options.padding = {pads[0], pads[1]};
  else
    x = padded(from, x, 0);
  return conv2d(x, from.in(1), from.has(2) ? from.in(2) : Tensor(), options);
}

Tensor gemm(const Operands& from) {
  if (from.attribute("alpha", 1.0F) != 1 || from.attribute("beta", 1.0F) != 1 ||
      from.attribute("transA", int64_t{0}) != 0)
    from.refuse("only x · w + b is known");
  const bool transposed = from.attribute("transB", int64_t{0}) != 0;
  const Tensor w = transposed ? from.in(1) : permute(from.in(1), {1, 0});
  return linear(from.in(0), w, from.has(2) ? from.in(2) : Tensor());
}

// (…, M, K) · (…, K, P), of which one is a matrix that all others are multiplied with.
Tensor matmul(const Operands& from) {
  const Tensor a = to_onnx_order(from.in(0)), b = to_onnx_order(from.in(1));
  if (a.rank() < 1 || b.rank() < 2 || (b.rank() > 2 && a.rank() != 2))
    from.refuse("one of its operands has to be a matrix");
  if (a.size(-1) != b.size(-2)) from.refuse(fmt::format("{} and {} do not fit", a.shape().str(), b.shape().str()));
  if (b.rank() == 2) return to_our_order(linear(a, permute(b, {1, 0})));
  // Every column of b is a vector that a maps.
  std::vector<int> swap(static_cast<size_t>(b.rank()));
  for (size_t d = 0; d < swap.size(); d++) swap[d] = static_cast<int>(d);
  std::swap(swap[swap.size() - 1], swap[swap.size() - 2]);
  return to_our_order(permute(linear(permute(b, swap), a), swap));
}

Tensor batch_normalization(const Operands& from) {
  return batch_norm(from.in(0), from.in(1), from.in(2), {from.in(3), from.in(4), {}},
                    {.training = false, .eps = double{from.attribute("epsilon", 1e-5F)}});
}

PoolOptions window_of(const Operands& from) {
  if (from.attribute("ceil_mode", int64_t{0}) != 0) from.refuse("ceil_mode is not known");
  return {.kernel = pair_of(from, "kernel_shape", 1), .stride = pair_of(from, "strides", 1)};
}
Tensor max_pool(const Operands& from) {
  PoolOptions options = window_of(from);
  options.dilation = pair_of(from, "dilations", 1);
  return max_pool2d(padded(from, from.in(0), -std::numeric_limits<double>::infinity()), options);
}
Tensor average_pool(const Operands& from) {
  const Tensor& x = from.in(0);
  const PoolOptions options = window_of(from);
  const Tensor mean = avg_pool2d(padded(from, x, 0), options);
  if (from.attribute("count_include_pad", int64_t{0}) != 0) return mean;
  return mean / avg_pool2d(padded(from, Tensor::full({1, x.size(1), x.size(2), 1}, 1), 0), options);
}
Tensor global_average_pool(const Operands& from) { return global_avg_pool(from.in(0)); }

template <Tensor (*f)(const Tensor&)>
Tensor each(const Operands& from) {
  return f(from.in(0));
}
Tensor hard_sigmoid_of(const Operands& from) {
  const float alpha = from.attribute("alpha", 0.2F), beta = from.attribute("beta", 0.5F);
  return clamp(from.in(0) * Tensor::scalar(double{alpha}) + Tensor::scalar(double{beta}), 0, 1);
}
Tensor clip(const Operands& from) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return clamp(from.in(0), from.has(1) ? from.in(1).item<double>() : -kInfinity,
               from.has(2) ? from.in(2).item<double>() : kInfinity);
}
Tensor erf(const Tensor& x) {
  std::vector<float> values = x.to_vector<float>();
  for (float& v : values) v = static_cast<float>(std::erf(double{v}));
  return Tensor::from(values, x.shape());
}

}  // namespace

const EvaluateTable& evaluated_layers() {
  static const EvaluateTable table{
      {"Conv", conv},
      {"Gemm", gemm},
      {"MatMul", matmul},
      {"BatchNormalization", batch_normalization},
      {"MaxPool", max_pool},
      {"AveragePool", average_pool},
      {"GlobalAveragePool", global_average_pool},
      {"Relu", each<relu>},
      {"Sigmoid", each<sigmoid>},
      {"HardSwish", each<hardswish>},
      {"Exp", each<exp>},
      {"Log", each<log>},
      {"Sqrt", each<sqrt>},
      {"Erf", each<erf>},
      {"HardSigmoid", hard_sigmoid_of},
      {"Clip", clip},
  };
  return table;
}

}  // namespace ghost::onnx
