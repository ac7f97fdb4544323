// Running a graph of ONNX operators with our own operators: slow, and independent of how the graph came about. What is
// written is checked with it (train/network/onnx_export.h), and networks in 8 bits are measured with it.
#pragma once
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/tensor.h"
#include "train/export/graph.h"

namespace ghost::onnx {

class Evaluator {
 public:
  // Keeps a reference to the graph. Throws Error if an operator in it is not known here.
  explicit Evaluator(const Graph& graph);

  // Input and output have the dimensions that the graph names, in ONNX's order; the input is f32 or u8, the output f32.
  // Throws Error if a shape does not fit.
  Tensor run(const Tensor& input) const;

  // Is shown every result of a node, f32 in our order of dimensions, as soon as it is there.
  using Seen = std::function<void(const Node& node, const Tensor& result)>;
  Tensor run(const Tensor& input, const Seen& seen) const;

 private:
  const Graph& graph_;
  std::unordered_map<std::string, Tensor> constants_;  // f32, in our order
  std::unordered_map<std::string, size_t> last_use_;   // the node after which a value is no longer needed
};

// What the function of one operator works with. Tensors are f32; those of rank 4 are (N, H, W, C).
struct Operands {
  const Graph& graph;
  const Node& node;
  std::vector<Tensor> inputs;  // undefined: left out, or of i64
  bool has(size_t i) const { return i < inputs.size() && inputs[i].defined(); }
  const Tensor& in(size_t i) const;  // throws Error if it is not there
  std::vector<int64_t> numbers(size_t i) const { return integers(graph, node.inputs[i]); }
  template <class T>
  T attribute(const char* name, T otherwise) const {
    return onnx::attribute(node, name, otherwise);
  }
  [[noreturn]] void refuse(const std::string& why) const;
};
using Evaluate = Tensor (*)(const Operands& from);
using EvaluateTable = std::unordered_map<std::string, Evaluate>;
const EvaluateTable& evaluated_layers();
const EvaluateTable& evaluated_shapes();
const EvaluateTable& evaluated_rounding();

// From ONNX's order of dimensions to ours and back, for rank 4; others stay.
Tensor to_our_order(const Tensor& t);
Tensor to_onnx_order(const Tensor& t);

}  // namespace ghost::onnx
