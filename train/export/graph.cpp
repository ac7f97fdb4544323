#include "train/export/graph.h"

#include <algorithm>

#include "core/error.h"

namespace ghost::onnx {
namespace {

template <class T>
const std::vector<T>& constant_of(const Graph& graph, const std::string& name, const char* type) {
  const auto found = graph.constants.find(name);
  const auto* values = found == graph.constants.end() ? nullptr : std::get_if<std::vector<T>>(&found->second.values);
  if (!values) fail("ONNX: '{}' is used as a constant of {}, but is none", name, type);
  return *values;
}

}  // namespace

int64_t count_of(const Dims& dims) {
  int64_t count = 1;
  for (const int64_t size : dims) count *= size;
  return count;
}

Node* Graph::producer(const std::string& value) {
  for (Node& node : nodes)
    if (node.output == value) return &node;
  return nullptr;
}

std::vector<size_t> Graph::consumers(const std::string& value) const {
  std::vector<size_t> found;
  for (size_t i = 0; i < nodes.size(); i++)
    if (std::find(nodes[i].inputs.begin(), nodes[i].inputs.end(), value) != nodes[i].inputs.end()) found.push_back(i);
  return found;
}

void Graph::redirect(const std::string& value, const std::string& other) {
  for (Node& node : nodes) std::replace(node.inputs.begin(), node.inputs.end(), value, other);
}

const std::vector<float>& floats(const Graph& graph, const std::string& name) {
  return constant_of<float>(graph, name, "f32");
}
const std::vector<int64_t>& integers(const Graph& graph, const std::string& name) {
  return constant_of<int64_t>(graph, name, "int64");
}

template <class T>
T attribute(const Node& node, const std::string& name, const T& otherwise) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return otherwise;
  const T* const value = std::get_if<T>(&found->second);
  if (!value)
    fail("ONNX: the attribute {} of {} '{}' is of another type than the operator has", name, node.op, node.name);
  return *value;
}
template int64_t attribute(const Node&, const std::string&, const int64_t&);
template float attribute(const Node&, const std::string&, const float&);
template std::string attribute(const Node&, const std::string&, const std::string&);
template Dims attribute(const Node&, const std::string&, const Dims&);

}  // namespace ghost::onnx
