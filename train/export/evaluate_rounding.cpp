// ONNX's QuantizeLinear and DequantizeLinear. Values of 8 bits are held as f32, which has all of them.
#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "train/export/evaluator.h"
#include "train/export/lowering.h"

namespace ghost::onnx {
namespace {

// The zero points, of the type that says what the values are rounded to.
struct ZeroPoints {
  std::vector<double> values;
  double lo = 0, hi = 0;
};
ZeroPoints zero_points(const Operands& from) {
  if (from.node.inputs.size() != 3 || !from.graph.constants.count(from.node.inputs[2]))
    from.refuse("its zero point is no constant");
  ZeroPoints zero;
  std::visit(
      [&]<class T>(const std::vector<T>& values) {
        zero.values.assign(values.begin(), values.end());
        zero.lo = static_cast<double>(std::numeric_limits<T>::lowest());
        zero.hi = static_cast<double>(std::numeric_limits<T>::max());
      },
      from.graph.constants.at(from.node.inputs[2]).values);
  return zero;
}

// y = f(x, scale, zero point), each element with those of its place along the axis.
template <class F>
Tensor each_scaled(const Operands& from, F f) {
  const Tensor& x = from.in(0);
  const std::vector<float> scales = from.in(1).to_vector<float>();
  const ZeroPoints zero = zero_points(from);
  if (zero.values.size() != scales.size()) from.refuse("it has another number of scales than of zero points");
  int64_t inner = x.numel(), count = 1;
  if (scales.size() > 1) {
    const int64_t axis = from.attribute("axis", int64_t{1});
    const int dim = axis >= 0 && axis < x.rank() ? stored_order(x.rank())[static_cast<size_t>(axis)] : x.rank();
    if (dim >= x.rank() || x.size(dim) != std::ssize(scales)) from.refuse("its scales are not those of an axis");
    count = x.size(dim), inner = 1;
    for (int d = dim + 1; d < x.rank(); d++) inner *= x.size(d);
  }
  Tensor y = Tensor::empty(x.shape());
  const float* in = x.data<float>();
  float* out = y.mutable_data<float>();
  const int64_t lines = inner > 0 ? x.numel() / inner : 0;
  const auto line = [&](int64_t at, int64_t begin, int64_t end) {
    const auto place = static_cast<size_t>(at % count);
    const double scale = double{scales[place]}, point = zero.values[place];
    for (int64_t i = begin; i < end; i++) out[i] = static_cast<float>(f(double{in[i]}, scale, point, zero));
  };
  if (lines == 1)
    parallel_chunks(inner, chunk_count(inner), [&](int64_t, int64_t begin, int64_t end) { line(0, begin, end); });
  else
    parallel_for(lines, [&](int64_t at) { line(at, at * inner, (at + 1) * inner); });
  return y;
}

Tensor quantize_linear(const Operands& from) {
  return each_scaled(from, [](double x, double scale, double point, const ZeroPoints& type) {
    return std::clamp(std::nearbyint(x / scale) + point, type.lo, type.hi);
  });
}
Tensor dequantize_linear(const Operands& from) {
  return each_scaled(from, [](double x, double scale, double point, const ZeroPoints&) { return (x - point) * scale; });
}

}  // namespace

const EvaluateTable& evaluated_rounding() {
  static const EvaluateTable table{{"QuantizeLinear", quantize_linear}, {"DequantizeLinear", dequantize_linear}};
  return table;
}

}  // namespace ghost::onnx
