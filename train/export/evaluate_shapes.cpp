// ONNX's definitions of what moves and combines values, by our operators. Axes of rank 4 are mapped to our order.
#include <algorithm>
#include <cmath>

#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "core/ops/resize.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"
#include "train/export/evaluator.h"
#include "train/export/lowering.h"

namespace ghost::onnx {
namespace {

// The dimension of ours at an axis of ONNX's, which may count from the end.
int our_dim(const Operands& from, int rank, int64_t axis) {
  if (axis < -rank || axis >= rank) from.refuse(fmt::format("there is no axis {} of {}", axis, rank));
  return stored_order(rank)[static_cast<size_t>(axis < 0 ? axis + rank : axis)];
}

Tensor of_rank(const Tensor& t, int rank) {
  if (t.rank() == rank || t.rank() == 0) return t;
  const Tensor ordered = to_onnx_order(t);
  std::vector<int64_t> dims(static_cast<size_t>(rank - t.rank()), 1);
  dims.insert(dims.end(), ordered.shape().begin(), ordered.shape().end());
  return to_our_order(reshape(ordered, dims));
}

template <Tensor (*f)(const Tensor&, const Tensor&)>
Tensor binary(const Operands& from) {
  const int rank = std::max(from.in(0).rank(), from.in(1).rank());
  return f(of_rank(from.in(0), rank), of_rank(from.in(1), rank));
}

Tensor concat(const Operands& from) {
  return cat(from.inputs, our_dim(from, from.in(0).rank(), from.attribute("axis", int64_t{0})));
}

Tensor slice_of(const Operands& from) {
  const Tensor& x = from.in(0);
  const Dims first = from.numbers(1), stop = from.numbers(2), axes = from.numbers(3), steps = from.numbers(4);
  if (stop.size() != first.size() || axes.size() != first.size() || steps.size() != first.size())
    from.refuse("its inputs have different sizes");
  std::vector<Range> ranges(static_cast<size_t>(x.rank()));
  for (size_t i = 0; i < axes.size(); i++)
    ranges[static_cast<size_t>(our_dim(from, x.rank(), axes[i]))] = {first[i], stop[i], steps[i]};
  return slice(x, ranges);
}

Tensor reshape_of(const Operands& from) {
  Dims dims = from.numbers(1);
  const Tensor x = to_onnx_order(from.in(0));
  for (size_t d = 0; d < dims.size(); d++)
    if (dims[d] == 0) dims[d] = x.size(static_cast<int>(d));
  return to_our_order(reshape(x, dims));
}

Tensor transpose(const Operands& from) {
  const Dims perm = from.attribute("perm", Dims{});
  return to_our_order(permute(to_onnx_order(from.in(0)), {perm.begin(), perm.end()}));
}

Tensor flatten_of(const Operands& from) {
  if (from.attribute("axis", int64_t{1}) != 1) from.refuse("only axis 1 is known");
  return flatten(from.in(0));
}

Tensor unsqueeze(const Operands& from) {
  const Tensor x = to_onnx_order(from.in(0));
  Dims dims(x.shape().begin(), x.shape().end());
  for (const int64_t axis : from.numbers(1)) dims.insert(dims.begin() + axis, 1);
  return to_our_order(reshape(x, dims));
}

Tensor pad_of(const Operands& from) {
  const Tensor& x = from.in(0);
  const Dims pads = from.numbers(1);
  if (x.rank() != 4 || pads.size() != 8 || pads[0] != 0 || pads[4] != 0) from.refuse("only images can be padded");
  if (from.attribute("mode", std::string("constant")) != "constant") from.refuse("only constants are known");
  return pad(x, {.left = pads[3],
                 .right = pads[7],
                 .top = pads[2],
                 .bottom = pads[6],
                 .front = pads[1],
                 .back = pads[5],
                 .value = from.has(2) ? from.in(2).item<double>() : 0});
}

Tensor reduced(const Operands& from) {
  const Tensor x = to_onnx_order(from.in(0));
  const bool total = from.node.op == "ReduceSum";
  const Dims axes = total ? from.numbers(1) : from.attribute("axes", Dims{});
  const std::vector<int> dims(axes.begin(), axes.end());
  const bool keep = from.attribute("keepdims", int64_t{1}) != 0;
  return to_our_order(total ? sum(x, dims, keep) : mean(x, dims, keep));
}

Tensor softmax_of(const Operands& from) {
  const int dim = our_dim(from, from.in(0).rank(), from.attribute("axis", int64_t{-1}));
  return from.node.op == "Softmax" ? softmax(from.in(0), dim) : log_softmax(from.in(0), dim);
}

// The places of one axis that the indices name; their dimensions stand in its place.
Tensor gather(const Operands& from) {
  const Tensor x = to_onnx_order(from.in(0));
  const Dims chosen = from.numbers(1), &of_indices = from.graph.constants.at(from.node.inputs[1]).dims;
  const int64_t axis = from.attribute("axis", int64_t{0});
  if (axis < 0 || axis >= x.rank()) from.refuse(fmt::format("there is no axis {} of {}", axis, x.shape().str()));
  const Dims dims(x.shape().begin(), x.shape().end());
  const int64_t outer = count_of(Dims(dims.begin(), dims.begin() + axis)), size = dims[static_cast<size_t>(axis)],
                inner = count_of(Dims(dims.begin() + axis + 1, dims.end()));
  std::vector<float> values;
  values.reserve(static_cast<size_t>(outer * inner) * chosen.size());
  const float* row = x.data<float>();
  for (int64_t n = 0; n < outer; n++, row += size * inner)
    for (const int64_t i : chosen) {
      if (i < 0 || i >= size) from.refuse(fmt::format("there is no place {} of {}", i, size));
      values.insert(values.end(), row + i * inner, row + (i + 1) * inner);
    }
  Dims result(dims.begin(), dims.begin() + axis);
  result.insert(result.end(), of_indices.begin(), of_indices.end());
  result.insert(result.end(), dims.begin() + axis + 1, dims.end());
  return to_our_order(Tensor::from(values, Shape(result)));
}

Tensor resize(const Operands& from) {
  const Tensor& x = from.in(0);
  const std::vector<double> scales = from.in(2).to_vector<double>();
  const bool nearest = from.attribute("mode", std::string("nearest")) == "nearest" &&
                       from.attribute("coordinate_transformation_mode", std::string()) == "asymmetric" &&
                       from.attribute("nearest_mode", std::string()) == "floor";
  const auto is_whole = [](double scale) { return scale >= 1 && std::floor(scale) == scale; };
  if (!nearest || scales.size() != 4 || !std::all_of(scales.begin(), scales.end(), is_whole) ||
      scales[0] * scales[1] != 1)
    from.refuse("only pixels that are repeated are known");
  return resize_nearest(x, {x.size(1) * static_cast<int64_t>(scales[2]), x.size(2) * static_cast<int64_t>(scales[3])});
}

// Values are f32 here whatever they are there.
Tensor unchanged(const Operands& from) { return from.in(0); }

}  // namespace

const EvaluateTable& evaluated_shapes() {
  static const EvaluateTable table{
      {"Add", binary<add>},     {"Sub", binary<sub>},     {"Mul", binary<mul>},
      {"Div", binary<div>},     {"Concat", concat},       {"Slice", slice_of},
      {"Reshape", reshape_of},  {"Transpose", transpose}, {"Flatten", flatten_of},
      {"Unsqueeze", unsqueeze}, {"Pad", pad_of},          {"ReduceSum", reduced},
      {"ReduceMean", reduced},  {"Softmax", softmax_of},  {"LogSoftmax", softmax_of},
      {"Gather", gather},       {"Resize", resize},       {"Identity", unchanged},
      {"Cast", unchanged},
  };
  return table;
}

}  // namespace ghost::onnx
