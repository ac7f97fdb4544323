// A network as a graph of ONNX operators (onnx.ai, operator set 14), in memory. Values of rank 4 are (N, C, H, W), as
// ONNX has them; Ghost's own are (N, H, W, C).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace ghost::onnx {

using Dims = std::vector<int64_t>;

// Numbers that are stored in the file, row-major.
struct Constant {
  using Values = std::variant<std::vector<float>, std::vector<uint8_t>, std::vector<int8_t>, std::vector<int32_t>,
                              std::vector<int64_t>>;
  Dims dims;
  Values values;
  bool operator==(const Constant&) const = default;
};
int64_t count_of(const Dims& dims);  // 1 for rank 0

using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>>;
using Attributes = std::map<std::string, Attribute>;

// Every operator that is used here has one result.
struct Node {
  std::string op, name;             // "Conv", "blocks.0.ghost1.primary_conv.0"
  std::vector<std::string> inputs;  // names of values; "": an optional input that is left out
  std::string output;
  Attributes attributes;
  bool operator==(const Node&) const = default;
};

enum class ElementType { f32, u8 };

// The input or the output of a graph.
struct Port {
  std::string name;
  ElementType type = ElementType::f32;
  Dims dims;  // -1: any number
  bool operator==(const Port&) const = default;
};

struct Graph {
  std::vector<Node> nodes;  // in an order in which they can be run
  std::map<std::string, Constant> constants;
  Port input, output;
  std::map<std::string, std::string> metadata;
  bool operator==(const Graph&) const = default;

  Node* producer(const std::string& value);                       // null: an input or a constant
  std::vector<size_t> consumers(const std::string& value) const;  // indices of nodes, each once
  // Everybody who reads `value` reads `other` from now on.
  void redirect(const std::string& value, const std::string& other);
};

// The values of a constant of f32; throws Error naming it if there is no such constant.
const std::vector<float>& floats(const Graph& graph, const std::string& name);
const std::vector<int64_t>& integers(const Graph& graph, const std::string& name);

// The attribute, or `otherwise` if the node has none. Throws Error naming the node if it is of another type.
template <class T>
T attribute(const Node& node, const std::string& name, const T& otherwise);

}  // namespace ghost::onnx
