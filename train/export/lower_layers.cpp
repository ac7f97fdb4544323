// Operators that networks compute with.
#include <algorithm>
#include <cmath>
#include <optional>

#include "train/export/affine_gather.h"
#include "train/export/lowering.h"

namespace ghost::onnx {
namespace {

Dims whole(const std::vector<double>& values) { return Dims(values.begin(), values.end()); }
std::vector<float> as_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

std::string conv2d(Lowering& to) {
  const Shape& weight = to.shape(1);
  const Dims padding = whole(to.attribute("padding"));
  std::vector<std::string> inputs{to.value(0), to.value(1)};
  if (to.has(2)) inputs.push_back(to.value(2));
  return to.add("Conv", inputs,
                {{"kernel_shape", Dims{weight[1], weight[2]}},
                 {"strides", whole(to.attribute("stride"))},
                 {"pads", Dims{padding[0], padding[1], padding[0], padding[1]}},
                 {"dilations", whole(to.attribute("dilation"))},
                 {"group", static_cast<int64_t>(to.attribute("groups")[0])}});
}

std::string linear(Lowering& to) {
  const Shape &x = to.shape(0), &weight = to.shape(1);
  const std::vector<double> w = to.constant(1, "weight");
  const int64_t out = weight[0], in = weight[1];
  if (x.rank() == 2) {
    std::vector<std::string> inputs{to.value(0), to.value(1)};
    if (to.has(2)) inputs.push_back(to.value(2));
    return to.add("Gemm", inputs, {{"transB", int64_t{1}}});
  }
  if (x.rank() == 4) {  // a pointwise convolution
    std::vector<std::string> inputs{to.value(0), to.floats(as_floats(w), {out, in, 1, 1}, "weight")};
    if (to.has(2)) inputs.push_back(to.value(2));
    return to.add("Conv", inputs, {{"kernel_shape", Dims{1, 1}}});
  }
  std::vector<float> transposed(w.size());
  for (int64_t o = 0; o < out; o++)
    for (int64_t i = 0; i < in; i++)
      transposed[static_cast<size_t>(i * out + o)] = static_cast<float>(w[static_cast<size_t>(o * in + i)]);
  const std::string product = to.add("MatMul", {to.value(0), to.floats(transposed, {in, out}, "weight")});
  return to.has(2) ? to.add("Add", {product, to.value(2)}) : product;
}

std::string batch_norm(Lowering& to) {
  if (to.attribute("uses_batch")[0] != 0) to.refuse("it normalises by the batch, not by running statistics");
  const Shape& x = to.shape(0);
  const int64_t channels = x.channels();
  const auto of = [&](size_t i, const char* what, double otherwise) {
    return to.has(i) ? to.constant(i, what) : std::vector<double>(static_cast<size_t>(channels), otherwise);
  };
  const std::vector<double> weight = of(1, "weight", 1), bias = of(2, "bias", 0), mean = of(3, "running mean", 0),
                            var = of(4, "running variance", 1);
  const double eps = to.attribute("eps")[0];
  if (x.rank() == 2 || x.rank() == 4)
    return to.add(
        "BatchNormalization",
        {to.value(0), to.floats(as_floats(weight), {channels}, "weight"),
         to.floats(as_floats(bias), {channels}, "bias"), to.floats(as_floats(mean), {channels}, "running_mean"),
         to.floats(as_floats(var), {channels}, "running_var")},
        {{"epsilon", static_cast<float>(eps)}});
  std::vector<float> scale, shift;
  for (size_t c = 0; c < weight.size(); c++) {
    const double factor = weight[c] / std::sqrt(var[c] + eps);
    scale.push_back(static_cast<float>(factor)), shift.push_back(static_cast<float>(bias[c] - mean[c] * factor));
  }
  const std::string scaled = to.add("Mul", {to.value(0), to.floats(scale, {channels}, "scale")});
  return to.add("Add", {scaled, to.floats(shift, {channels}, "shift")});
}

// ---- pooling

// The zeros after the last pixel of one dimension with which windows of this kernel and stride are `out`.
int64_t end_padding(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
  return std::max<int64_t>(0, (out - 1) * stride + kernel - in - padding);
}

std::string max_pool(Lowering& to) {
  const Shape &x = to.shape(0), &y = to.call().result.shape();
  const Dims kernel = whole(to.attribute("kernel")), stride = whole(to.attribute("stride")),
             padding = whole(to.attribute("padding")), dilation = whole(to.attribute("dilation"));
  Dims pads = padding;
  for (size_t i = 0; i < 2; i++) {
    const int d = static_cast<int>(i) + 1;
    pads.push_back(end_padding(x[d], y[d], (kernel[i] - 1) * dilation[i] + 1, stride[i], padding[i]));
  }
  return to.add("MaxPool", {to.value(0)},
                {{"kernel_shape", kernel}, {"strides", stride}, {"pads", pads}, {"dilations", dilation}});
}

struct Window {
  int64_t begin, end;
  double divisor;
};
std::vector<Window> windows_of(const std::vector<double>& numbers) {
  std::vector<Window> windows;
  for (size_t i = 0; i < numbers.size(); i += 3)
    windows.push_back({static_cast<int64_t>(numbers[i]), static_cast<int64_t>(numbers[i + 1]), numbers[i + 2]});
  return windows;
}

// Kernel, stride and padding that make these windows of `in` pixels; nothing: they are not of one kernel.
struct Strided {
  int64_t kernel, stride, padding, after;
};
std::optional<Strided> strided(const std::vector<Window>& windows, int64_t in, bool count_padding) {
  const auto out = std::ssize(windows);
  for (int64_t padding = 0; padding <= in; padding++) {
    const int64_t kernel = windows[0].end + padding;
    if (windows[0].begin != 0 || padding >= kernel) continue;
    const Window& second = windows[out > 1 ? 1 : 0];
    for (const int64_t stride : {second.end - windows[0].end, second.begin + padding}) {
      if (stride < 1 && out > 1) continue;
      const int64_t step = std::max<int64_t>(stride, 1);
      int64_t o = 0;
      const bool same = std::all_of(windows.begin(), windows.end(), [&](const Window& w) {
        const int64_t first = o++ * step - padding;
        const int64_t begin = std::max<int64_t>(first, 0), end = std::min(first + kernel, in);
        return w.begin == begin && w.end == end &&
               w.divisor == static_cast<double>(count_padding ? kernel : end - begin);
      });
      if (same) return Strided{kernel, step, padding, end_padding(in, out, kernel, step, padding)};
    }
  }
  return {};
}

// (out, in): what the mean of each window takes of each pixel.
std::vector<float> matrix_of(const std::vector<Window>& windows, int64_t in, bool transposed) {
  const auto out = std::ssize(windows);
  std::vector<float> matrix(static_cast<size_t>(out * in));
  for (int64_t o = 0; o < out; o++) {
    const Window& w = windows[static_cast<size_t>(o)];
    for (int64_t i = w.begin; i < w.end; i++)
      matrix[static_cast<size_t>(transposed ? i * out + o : o * in + i)] = static_cast<float>(1 / w.divisor);
  }
  return matrix;
}

std::string averages(Lowering& to) {
  const Shape& x = to.shape(0);
  const std::vector<Window> rows = windows_of(to.attribute("rows")), columns = windows_of(to.attribute("columns"));
  const auto is_whole = [](const std::vector<Window>& w, int64_t in) {
    return w.size() == 1 && w[0].begin == 0 && w[0].end == in && w[0].divisor == static_cast<double>(in);
  };
  if (is_whole(rows, x[1]) && is_whole(columns, x[2])) return to.add("GlobalAveragePool", {to.value(0)});
  for (const bool count_padding : {true, false}) {
    const auto down = strided(rows, x[1], count_padding), across = strided(columns, x[2], count_padding);
    if (!down || !across) continue;
    return to.add("AveragePool", {to.value(0)},
                  {{"kernel_shape", Dims{down->kernel, across->kernel}},
                   {"strides", Dims{down->stride, across->stride}},
                   {"pads", Dims{down->padding, across->padding, down->after, across->after}},
                   {"count_include_pad", int64_t{count_padding}}});
  }
  // Uneven windows: the mean over rows and columns is a product with a matrix from either side.
  const std::string across = to.add(
      "MatMul", {to.value(0), to.floats(matrix_of(columns, x[2], true), {x[2], std::ssize(columns)}, "columns")});
  return to.add("MatMul", {to.floats(matrix_of(rows, x[1], false), {std::ssize(rows), x[1]}, "rows"), across});
}

// ---- activations

std::string plain(Lowering& to) {
  static const std::map<std::string, const char*> names{
      {"relu", "Relu"}, {"sigmoid", "Sigmoid"}, {"hardswish", "HardSwish"},
      {"exp", "Exp"},   {"log", "Log"},         {"sqrt", "Sqrt"}};
  return to.add(names.at(to.call().op), {to.value(0)});
}
std::string relu6(Lowering& to) { return to.add("Clip", {to.value(0), to.scalar(0), to.scalar(6)}); }
// The upper bound counts last, as in ONNX.
std::string clamp(Lowering& to) {
  const std::vector<double>& bounds = to.attribute("bounds");
  return to.add("Clip", {to.value(0), to.scalar(std::min(bounds[0], bounds[1])), to.scalar(bounds[1])});
}
std::string hard_sigmoid(Lowering& to) {
  return to.add("HardSigmoid", {to.value(0)}, {{"alpha", 1.0F / 6}, {"beta", 0.5F}});
}
std::string silu(Lowering& to) { return to.add("Mul", {to.value(0), to.add("Sigmoid", {to.value(0)})}); }
std::string gelu(Lowering& to) {
  const std::string erf = to.add("Erf", {to.add("Mul", {to.value(0), to.scalar(1 / std::sqrt(2.0))})});
  const std::string half = to.add("Mul", {to.value(0), to.scalar(0.5)});
  return to.add("Mul", {half, to.add("Add", {erf, to.scalar(1)})});
}

// ---- moved maps

// A depthwise convolution whose kernels have a single 1.
std::string shift(Lowering& to) {
  const Shape& x = to.shape(0);
  const std::vector<double>&down = to.attribute("down"), &right = to.attribute("right");
  double reach_y = 0, reach_x = 0;
  for (size_t o = 0; o < down.size(); o++)
    reach_y = std::max(reach_y, std::abs(down[o])), reach_x = std::max(reach_x, std::abs(right[o]));
  const int64_t ry = static_cast<int64_t>(reach_y), rx = static_cast<int64_t>(reach_x), h = 2 * ry + 1, w = 2 * rx + 1;
  std::vector<float> kernel(down.size() * static_cast<size_t>(h * w));
  for (size_t o = 0; o < down.size(); o++)
    kernel[o * static_cast<size_t>(h * w) +
           static_cast<size_t>((ry + static_cast<int64_t>(down[o])) * w + rx + static_cast<int64_t>(right[o]))] = 1;
  return to.add("Conv", {to.value(0), to.floats(kernel, {std::ssize(down), 1, h, w}, "kernel")},
                {{"kernel_shape", Dims{h, w}}, {"pads", Dims{ry, rx, ry, rx}}, {"group", x[3]}});
}

// Every pixel of the result is the weighted sum of four pixels that are known beforehand.
std::string affine_sample(Lowering& to) {
  const Shape& x = to.shape(0);
  const int64_t h = x[1], w = x[2], channels = x[3], out = to.shape(1)[0];
  const AffineGather g = affine_gather(to.constant(1, "map"), h, w, channels);
  const std::string flat = to.add("Reshape", {to.value(0), to.integers({-1, channels * h * w})});
  const std::string corners = to.add("Gather", {flat, to.index(g.pixels, {4, out * h * w})}, {{"axis", int64_t{1}}});
  const std::string weighted = to.add("Mul", {corners, to.floats(g.weights, {4, out * h * w}, "weights")});
  const std::string sum = to.add("ReduceSum", {weighted, to.integers({1})}, {{"keepdims", int64_t{0}}});
  return to.add("Reshape", {sum, to.integers({-1, out, h, w})});
}

}  // namespace

const LowerTable& lowered_layers() {
  static const LowerTable table{
      {"conv2d", conv2d},
      {"linear", linear},
      {"batch_norm", batch_norm},
      {"max_pool2d", max_pool},
      {"averages", averages},
      {"relu", plain},
      {"sigmoid", plain},
      {"hardswish", plain},
      {"exp", plain},
      {"log", plain},
      {"sqrt", plain},
      {"relu6", relu6},
      {"clamp", clamp},
      {"hard_sigmoid", hard_sigmoid},
      {"silu", silu},
      {"gelu", gelu},
      {"shift", shift},
      {"affine_sample", affine_sample},
  };
  return table;
}

}  // namespace ghost::onnx
