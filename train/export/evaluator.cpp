#include "train/export/evaluator.h"

#include "core/ops/shape_ops.h"
#include "train/export/lowering.h"

namespace ghost::onnx {
namespace {

Evaluate function_of(const Node& node) {
  for (const EvaluateTable* table : {&evaluated_layers(), &evaluated_shapes(), &evaluated_rounding()})
    if (const auto found = table->find(node.op); found != table->end()) return found->second;
  fail("ONNX: there is nothing to evaluate {} '{}' with", node.op, node.name);
}

void check_input(const Port& port, const Shape& shape) {
  bool fits = shape.rank() == std::ssize(port.dims);
  for (int d = 0; fits && d < shape.rank(); d++)
    fits = port.dims[static_cast<size_t>(d)] < 0 || port.dims[static_cast<size_t>(d)] == shape[d];
  if (fits) return;
  std::string expected;
  for (const int64_t size : port.dims)
    expected += (expected.empty() ? "" : ", ") + (size < 0 ? "N" : std::to_string(size));
  fail("ONNX: the input {} is {}, but ({}) was expected", port.name, shape.str(), expected);
}

}  // namespace

Tensor to_our_order(const Tensor& t) { return t.rank() == 4 ? permute(t, {0, 2, 3, 1}) : t; }
Tensor to_onnx_order(const Tensor& t) { return t.rank() == 4 ? permute(t, {0, 3, 1, 2}) : t; }

const Tensor& Operands::in(size_t i) const {
  if (!has(i)) refuse(fmt::format("its input {} is missing", i));
  return inputs[i];
}

void Operands::refuse(const std::string& why) const {
  fail("ONNX: {} '{}' cannot be evaluated: {}", node.op, node.name, why);
}

Evaluator::Evaluator(const Graph& graph) : graph_(graph) {
  const NoGrad no_grad;
  // Weights of 8 bits and biases of 32 are f32 here. Indices and sizes are read as they stand.
  for (const auto& [name, constant] : graph.constants)
    std::visit(
        [&, &key = name, &dims = constant.dims]<class T>(const std::vector<T>& values) {
          if constexpr (!std::is_same_v<T, int64_t>)
            constants_.emplace(
                key, to_our_order(Tensor::from(std::vector<float>(values.begin(), values.end()), Shape(dims))));
        },
        constant.values);
  for (size_t i = 0; i < graph.nodes.size(); i++) {
    function_of(graph.nodes[i]);
    for (const std::string& input : graph.nodes[i].inputs) last_use_[input] = i;
  }
}

Tensor Evaluator::run(const Tensor& input) const { return run(input, {}); }

Tensor Evaluator::run(const Tensor& input, const Seen& seen) const {
  const NoGrad no_grad;
  check_input(graph_.input, input.shape());
  std::unordered_map<std::string, Tensor> values{{graph_.input.name, to_our_order(input.to(DType::f32))}};
  for (size_t i = 0; i < graph_.nodes.size(); i++) {
    const Node& node = graph_.nodes[i];
    Operands from{graph_, node, {}};
    for (const std::string& name : node.inputs) {
      const auto computed = values.find(name);
      const auto constant = constants_.find(name);
      if (computed != values.end())
        from.inputs.push_back(computed->second);
      else
        from.inputs.push_back(constant != constants_.end() ? constant->second : Tensor());
      if (!name.empty() && computed == values.end() && !graph_.constants.count(name))
        from.refuse(fmt::format("its input '{}' is computed nowhere before", name));
    }
    const Tensor result = function_of(node)(from);
    if (seen) seen(node, result);
    values[node.output] = result;
    for (const std::string& name : node.inputs)
      if (last_use_.at(name) == i && name != graph_.output.name) values.erase(name);
  }
  const auto found = values.find(graph_.output.name);
  if (found == values.end()) fail("ONNX: the output {} is computed nowhere", graph_.output.name);
  return to_onnx_order(found->second);
}

}  // namespace ghost::onnx
