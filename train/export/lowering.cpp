#include "train/export/lowering.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/ops/shape_ops.h"

namespace ghost::onnx {

int64_t stored_axis(int rank, int dim) {
  constexpr int64_t kOfOurs[] = {0, 2, 3, 1};
  return rank == 4 ? kOfOurs[dim] : dim;
}

std::vector<int> stored_order(int rank) {
  if (rank == 4) return {0, 3, 1, 2};
  std::vector<int> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Dims stored_dims(const Shape& shape) {
  Dims dims;
  for (const int d : stored_order(shape.rank())) dims.push_back(shape[d]);
  return dims;
}

Lowering::Lowering(const Recording& recording) : recording_(recording) {
  Dims dims = stored_dims(recording.input.shape());
  if (!dims.empty()) dims.front() = -1;
  graph_.input = {"images", ElementType::f32, dims};
  used_ = {"images", "logits"};
  values_.emplace(recording.input.body().get(), graph_.input.name);
}

Graph Lowering::run() {
  for (const OpCall& call : recording_.calls) {
    call_ = &call;
    Lower lower = nullptr;
    for (const LowerTable* table : {&lowered_layers(), &lowered_shapes()})
      if (const auto found = table->find(call.op); found != table->end()) lower = found->second;
    if (!call.described || !lower) refuse("no operator of ONNX is known for it");
    if (call.result.dtype() != DType::f32)
      refuse(fmt::format("its result is {}, not f32", name_of(call.result.dtype())));
    values_[call.result.body().get()] = lower(*this);
  }
  const Shape& shape = recording_.output.shape();
  std::string result = values_.at(recording_.output.body().get());
  Dims dims = stored_dims(shape);
  if (!dims.empty() && shape[0] == images()) dims.front() = -1;
  if (result == graph_.input.name) result = add("Identity", {result});
  graph_.producer(result)->output = "logits";
  graph_.redirect(result, "logits");
  graph_.output = {"logits", ElementType::f32, dims};
  return std::move(graph_);
}

bool Lowering::is_constant(size_t i) const { return !values_.count(call_->inputs[i].body().get()); }

std::vector<double> Lowering::constant(size_t i, const char* what) const {
  if (!is_constant(i)) refuse(fmt::format("its {} depends on the images", what));
  return call_->inputs[i].to_vector<double>();
}

std::string Lowering::value(size_t i) {
  const Tensor& t = call_->inputs[i];
  const auto found = values_.find(t.body().get());
  return found != values_.end() ? found->second : constant_value(t, t.shape());
}

std::string Lowering::value_in_our_order(size_t i) {
  const std::string name = value(i);
  return shape(i).rank() == 4 ? add("Transpose", {name}, {{"perm", Dims{0, 2, 3, 1}}}) : name;
}

std::string Lowering::value_of_rank(size_t i, int rank) {
  const Shape& own = shape(i);
  if (own.rank() == rank || own.rank() == 0) return value(i);
  std::vector<int64_t> dims(static_cast<size_t>(rank - own.rank()), 1);
  const auto added = static_cast<int64_t>(dims.size());
  dims.insert(dims.end(), own.begin(), own.end());
  if (is_constant(i)) return constant_value(call_->inputs[i], Shape(dims));
  Dims axes(static_cast<size_t>(added));
  std::iota(axes.begin(), axes.end(), 0);
  const std::string wide = add("Unsqueeze", {value_in_our_order(i), integers(axes)});
  return rank == 4 ? add("Transpose", {wide}, {{"perm", Dims{0, 3, 1, 2}}}) : wide;
}

std::string Lowering::constant_value(const Tensor& tensor, const Shape& shape) {
  if (tensor.dtype() != DType::f32) refuse(fmt::format("a constant of it is {}, not f32", name_of(tensor.dtype())));
  const NoGrad no_grad;
  Tensor values = reshape(tensor.detach(), {shape.begin(), shape.end()});
  if (shape.rank() == 4) values = permute(values, stored_order(4));
  const auto name = recording_.names.find(tensor.body().get());
  return named({stored_dims(shape), values.to_vector<float>()},
               name != recording_.names.end() ? name->second : join_path(call_->path, "constant"));
}

std::string Lowering::add(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
  const std::string path = call_ ? call_->path : "";
  const std::string name = unused(path, (path.empty() ? "" : path + "/") + op);
  graph_.nodes.push_back({op, name, std::move(inputs), name, std::move(attributes)});
  return name;
}

std::string Lowering::floats(std::vector<float> values, Dims dims, const std::string& name) {
  return named({std::move(dims), std::move(values)}, join_path(call_->path, name));
}

std::string Lowering::integers(std::vector<int64_t> values) {
  const Dims dims{std::ssize(values)};
  return index(std::move(values), dims);
}

std::string Lowering::index(std::vector<int64_t> values, Dims dims) {
  return named({std::move(dims), std::move(values)}, join_path(call_->path, "constant"));
}

// Equal constants are stored once.
std::string Lowering::named(const Constant& constant, const std::string& name) {
  for (const auto& [known, other] : graph_.constants)
    if (other == constant) return known;
  const std::string own = unused(name, name + "/value");
  graph_.constants.emplace(own, constant);
  return own;
}

std::string Lowering::unused(const std::string& name, const std::string& otherwise) {
  if (!name.empty() && used_.insert(name).second) return name;
  if (used_.insert(otherwise).second) return otherwise;
  for (int n = 2;; n++)
    if (std::string numbered = fmt::format("{}_{}", otherwise, n); used_.insert(numbered).second) return numbered;
}

void Lowering::refuse(const std::string& why) const {
  fail("{} cannot be exported: {}{}", call_->op.empty() ? "an operator without a name" : call_->op, why,
       call_->path.empty() ? "" : " (in " + call_->path + ")");
}

Graph lower(const Recording& recording) { return Lowering(recording).run(); }

}  // namespace ghost::onnx
