// Operators that move or combine values. They know where a dimension of ours lies in ONNX's order of axes.
#include <algorithm>

#include "train/export/lowering.h"

namespace ghost::onnx {
namespace {

int64_t whole(double value) { return static_cast<int64_t>(value); }

template <const char* op>
std::string binary(Lowering& to) {
  const int rank = to.call().result.rank();
  return to.add(op, {to.value_of_rank(0, rank), to.value_of_rank(1, rank)});
}
constexpr char kAdd[] = "Add", kSub[] = "Sub", kMul[] = "Mul", kDiv[] = "Div";

std::string cat(Lowering& to) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < to.call().inputs.size(); i++) parts.push_back(to.value(i));
  return to.add("Concat", parts, {{"axis", stored_axis(to.shape(0).rank(), static_cast<int>(to.attribute("dim")[0]))}});
}

std::string slice(Lowering& to) {
  const Shape& x = to.shape(0);
  Dims first, stop, axes, steps;
  int d = 0;
  for (const OpAttribute& range : to.call().attributes) {
    const int64_t begin = whole(range.values[0]), end = std::min(whole(range.values[1]), x[d]);
    const int64_t step = whole(range.values[2]);
    const bool all = begin == 0 && end == x[d] && step == 1;
    if (!all && d == 0) to.refuse("it takes some of the images");
    if (!all)
      first.push_back(begin), stop.push_back(end), steps.push_back(step), axes.push_back(stored_axis(x.rank(), d));
    d++;
  }
  if (axes.empty()) return to.value(0);
  return to.add("Slice", {to.value(0), to.integers(first), to.integers(stop), to.integers(axes), to.integers(steps)});
}

// Whether ONNX's order of axes is another order in memory.
bool moves(const Shape& s) { return s.rank() == 4 && s[3] > 1 && s[1] * s[2] > 1; }

std::string reshape(Lowering& to) {
  const Shape &x = to.shape(0), &y = to.call().result.shape();
  std::string value = moves(x) ? to.value_in_our_order(0) : to.value(0);
  if (x.rank() == 0 || y.rank() == 0) return to.add("Reshape", {value, to.integers(Dims(y.begin(), y.end()))});
  if (y[0] % x[0] != 0) to.refuse(fmt::format("it makes {} of {}, which mixes images", y.str(), x.str()));
  Dims dims = moves(y) ? Dims(y.begin(), y.end()) : stored_dims(y);
  dims.front() = -1;
  value = to.add("Reshape", {value, to.integers(dims)});
  return moves(y) ? to.add("Transpose", {value}, {{"perm", Dims{0, 3, 1, 2}}}) : value;
}

std::string permute(Lowering& to) {
  const int rank = to.shape(0).rank();
  const std::vector<double>& dims = to.attribute("dims");
  Dims perm;
  for (const int d : stored_order(rank))
    perm.push_back(stored_axis(rank, static_cast<int>(dims[static_cast<size_t>(d)])));
  return to.add("Transpose", {to.value(0)}, {{"perm", perm}});
}

std::string flatten(Lowering& to) { return to.add("Flatten", {to.value(0)}, {{"axis", int64_t{1}}}); }

std::string pad(Lowering& to) {
  Dims pads;
  for (const char* side : {"before", "after"})
    for (const int d : stored_order(4)) pads.push_back(whole(to.attribute(side)[static_cast<size_t>(d)]));
  return to.add("Pad", {to.value(0), to.integers(pads), to.scalar(to.attribute("value")[0])},
                {{"mode", std::string("constant")}});
}

// What is left of the dimensions may lie in another order than ours.
std::string reduced(Lowering& to) {
  const int rank = to.shape(0).rank();
  const bool keep = to.attribute("keepdim")[0] != 0, sum = to.call().op == "sum";
  std::vector<bool> gone(static_cast<size_t>(rank));
  Dims axes;
  for (const double d : to.attribute("dims")) {
    axes.push_back(stored_axis(rank, static_cast<int>(d)));
    gone[static_cast<size_t>(d)] = true;
  }
  if (axes.empty()) return to.value(0);
  std::sort(axes.begin(), axes.end());
  std::vector<std::string> inputs{to.value(0)};
  Attributes attributes{{"keepdims", int64_t{keep}}};
  if (sum)
    inputs.push_back(to.integers(axes));
  else
    attributes["axes"] = axes;
  const std::string value = to.add(sum ? "ReduceSum" : "ReduceMean", inputs, attributes);
  if (keep) return value;
  std::vector<int> left;
  for (const int d : stored_order(rank))
    if (!gone[static_cast<size_t>(d)]) left.push_back(d);
  if (std::is_sorted(left.begin(), left.end())) return value;
  std::vector<int> ours = left;
  std::sort(ours.begin(), ours.end());
  Dims perm;
  for (const int d : ours) perm.push_back(std::find(left.begin(), left.end(), d) - left.begin());
  return to.add("Transpose", {value}, {{"perm", perm}});
}

std::string softmax(Lowering& to) {
  const Attributes axis{{"axis", stored_axis(to.shape(0).rank(), static_cast<int>(to.attribute("dim")[0]))}};
  return to.add(to.call().op == "softmax" ? "Softmax" : "LogSoftmax", {to.value(0)}, axis);
}

// Runs of channels, which are taken in turn.
std::string channel_shuffle(Lowering& to) {
  const Shape& x = to.shape(0);
  const int64_t groups = whole(to.attribute("groups")[0]), axis = stored_axis(x.rank(), x.rank() - 1);
  const Dims dims = stored_dims(x);
  Dims split, perm, joined = dims;
  for (int64_t d = 0; d < std::ssize(dims); d++) {
    if (d == axis) split.push_back(groups);
    split.push_back(d == axis ? dims[static_cast<size_t>(d)] / groups : dims[static_cast<size_t>(d)]);
  }
  for (int64_t d = 0; d < std::ssize(split); d++) perm.push_back(d == axis ? d + 1 : d == axis + 1 ? d - 1 : d);
  if (axis > 0) split.front() = joined.front() = -1;
  const std::string runs = to.add("Reshape", {to.value(0), to.integers(split)});
  const std::string turned = to.add("Transpose", {runs}, {{"perm", perm}});
  return to.add("Reshape", {turned, to.integers(joined)});
}

// Each pixel is repeated as often as the map grows; other ratios choose rows and columns, whose rounding ONNX leaves
// open.
std::string resized(Lowering& to, size_t input) {
  const Shape &x = to.shape(input), &y = to.call().result.shape();
  if (y[1] == x[1] && y[2] == x[2]) return to.value(input);
  if (y[1] % x[1] == 0 && y[2] % x[2] == 0) {
    const int64_t down = y[1] / x[1], across = y[2] / x[2];
    const std::vector<float> scales{1, 1, static_cast<float>(down), static_cast<float>(across)};
    return to.add("Resize", {to.value(input), "", to.floats(scales, {4}, "scales")},
                  {{"mode", std::string("nearest")},
                   {"coordinate_transformation_mode", std::string("asymmetric")},
                   {"nearest_mode", std::string("floor")}});
  }
  std::string value = to.value(input);
  for (const auto& [name, axis] : {std::pair{"rows", int64_t{2}}, {"columns", int64_t{3}}}) {
    const std::vector<double>& sources = to.attribute(name);
    value = to.add("Gather", {value, to.integers({sources.begin(), sources.end()})}, {{"axis", axis}});
  }
  return value;
}

std::string resize_nearest(Lowering& to) { return resized(to, 0); }

std::string mul_nearest(Lowering& to) { return to.add("Mul", {to.value(0), resized(to, 1)}); }

std::string identity(Lowering& to) { return to.value(0); }

}  // namespace

const LowerTable& lowered_shapes() {
  static const LowerTable table{
      {"add", binary<kAdd>},
      {"sub", binary<kSub>},
      {"mul", binary<kMul>},
      {"div", binary<kDiv>},
      {"cat", cat},
      {"slice", slice},
      {"reshape", reshape},
      {"permute", permute},
      {"flatten", flatten},
      {"pad", pad},
      {"sum", reduced},
      {"mean", reduced},
      {"channel_shuffle", channel_shuffle},
      {"resize_nearest", resize_nearest},
      {"mul_nearest", mul_nearest},
      {"softmax", softmax},
      {"log_softmax", softmax},
      {"identity", identity},
  };
  return table;
}

}  // namespace ghost::onnx
