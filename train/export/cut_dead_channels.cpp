#include <algorithm>
#include <array>
#include <optional>

#include "core/error.h"
#include "train/export/passes.h"

namespace ghost::onnx {
namespace {

bool among(const std::string& op, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), op) != names.end();
}
// One value of each element, as it stands.
bool is_activation(const std::string& op) {
  return among(op, {"Relu", "Clip", "HardSigmoid", "HardSwish", "Sigmoid", "Exp", "Log", "Sqrt", "Erf"});
}

// Channels [first, stop), at dimension 1.
struct Cut {
  int64_t first, stop;
  int64_t count() const { return stop - first; }
};
std::optional<Cut> cut_of(const Graph& graph, const Node& node) {
  if (node.op != "Slice") return {};
  for (size_t i = 1; i < 5; i++)
    if (integers(graph, node.inputs[i]).size() != 1) return {};
  if (integers(graph, node.inputs[3])[0] != 1 || integers(graph, node.inputs[4])[0] != 1) return {};
  return Cut{integers(graph, node.inputs[1])[0], integers(graph, node.inputs[2])[0]};
}

// The channels of a value, if they are known without its shape; else −1.
int64_t channels_of(Graph& graph, const std::string& value) {
  if (value == graph.input.name) return graph.input.dims.size() == 4 ? graph.input.dims[1] : -1;
  const Node* const node = graph.producer(value);
  if (!node) return -1;
  if (node->op == "Conv" && graph.constants.count(node->inputs[1])) return graph.constants.at(node->inputs[1]).dims[0];
  if (is_activation(node->op) || among(node->op, {"BatchNormalization", "MaxPool", "AveragePool", "GlobalAveragePool"}))
    return channels_of(graph, node->inputs[0]);
  if (const auto cut = cut_of(graph, *node)) return cut->count();
  if (node->op != "Concat" || attribute(*node, "axis", int64_t{0}) != 1) return -1;
  int64_t all = 0;
  for (const std::string& part : node->inputs) {
    const int64_t channels = channels_of(graph, part);
    if (channels < 0) return -1;
    all += channels;
  }
  return all;
}

class Cutter {
 public:
  explicit Cutter(Graph& graph) : graph_(graph) {}

  // Moves the slice at this place one step towards where its channels come from. False: it stays.
  bool move(size_t place) {
    const auto cut = cut_of(graph_, graph_.nodes[place]);
    if (!cut) return false;
    const std::string source = graph_.nodes[place].inputs[0];
    const Node* const producer = graph_.producer(source);
    if (!producer || graph_.consumers(source).size() != 1) return false;
    const size_t at = static_cast<size_t>(producer - graph_.nodes.data());
    if (producer->op == "Concat") return through_concat(place, at, *cut);
    if (producer->op == "Conv") return into_weights(place, at, *cut);
    if (is_activation(producer->op) || producer->op == "BatchNormalization") return before(place, at, *cut);
    return false;
  }

 private:
  // What read the slice reads the node before it.
  void drop(size_t slice, size_t before) {
    graph_.nodes[before].output = graph_.nodes[slice].output;
    graph_.nodes.erase(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(slice));
  }
  // A slice of `value` that stands at `place`; gives its name.
  std::string insert(size_t place, const std::string& value, const std::string& name, Cut cut) {
    Node node{"Slice", unused(name), {value}, {}, {}};
    node.output = node.name;
    for (const int64_t number : {cut.first, cut.stop, int64_t{1}, int64_t{1}}) node.inputs.push_back(constant(number));
    graph_.nodes.insert(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(place), node);
    return node.output;
  }

  bool through_concat(size_t slice, size_t concat, Cut cut) {
    const Node joined = graph_.nodes[concat];
    if (attribute(joined, "axis", int64_t{0}) != 1) return false;
    std::vector<Cut> parts;
    int64_t first = 0;
    for (const std::string& part : joined.inputs) {
      const int64_t channels = channels_of(graph_, part);
      if (channels < 0) return false;
      const int64_t begin = std::clamp(cut.first, first, first + channels),
                    end = std::clamp(cut.stop, first, first + channels);
      parts.push_back({begin - first, end - first});
      first += channels;
    }
    drop(slice, concat);
    std::vector<std::string> kept;
    size_t place = concat;
    for (size_t i = 0; i < parts.size(); i++) {
      if (parts[i].count() == 0) continue;
      const std::string& part = joined.inputs[i];
      const bool whole = parts[i].first == 0 && parts[i].stop == channels_of(graph_, part);
      kept.push_back(whole ? part : insert(place++, part, joined.name + "/Slice", parts[i]));
    }
    graph_.nodes[place].inputs = kept;
    if (kept.size() == 1 && graph_.nodes[place].output != graph_.output.name)
      graph_.redirect(graph_.nodes[place].output, kept.front());
    return true;
  }

  bool before(size_t slice, size_t at, Cut cut) {
    drop(slice, at);
    const std::string cut_off = insert(at, graph_.nodes[at].inputs[0], graph_.nodes[at].name + "/Slice", cut);
    Node& node = graph_.nodes[at + 1];
    node.inputs[0] = cut_off;
    if (node.op != "BatchNormalization") return true;
    const std::string name = node.name;
    for (size_t i = 1; i < 5; i++) {
      const std::string reduced = rows_of(graph_.nodes[at + 1].inputs[i], name, cut);
      graph_.nodes[at + 1].inputs[i] = reduced;
    }
    return true;
  }

  // Of a grouped convolution whole groups are cut off, and what is left of the slice stays behind it.
  bool into_weights(size_t slice, size_t at, Cut cut) {
    const Node conv = graph_.nodes[at];
    if (!graph_.constants.count(conv.inputs[1])) return false;
    const Dims dims = graph_.constants.at(conv.inputs[1]).dims;
    const int64_t groups = attribute(conv, "group", int64_t{1}), out = dims[0] / groups;
    Cut kept = cut;
    if (groups > 1) kept = {cut.first / out * out, (cut.stop + out - 1) / out * out};
    if (kept.count() == dims[0]) return false;
    const bool exact = kept.first == cut.first && kept.stop == cut.stop;
    if (exact) {
      drop(slice, at);
    } else {
      graph_.nodes[slice].inputs[1] = constant(cut.first - kept.first);
      graph_.nodes[slice].inputs[2] = constant(cut.stop - kept.first);
    }
    for (size_t i = 1; i < conv.inputs.size(); i++) {
      const std::string reduced = rows_of(conv.inputs[i], conv.name, kept);
      graph_.nodes[at].inputs[i] = reduced;
    }
    if (groups == 1) return true;
    graph_.nodes[at].attributes["group"] = kept.count() / out;
    const Cut needed{kept.first / out * dims[1], kept.stop / out * dims[1]};
    const std::string input = insert(at, conv.inputs[0], conv.name + "/Slice", needed);
    graph_.nodes[at + 1].inputs[0] = input;
    return true;
  }

  // A constant that has these channels of another one.
  std::string rows_of(const std::string& name, const std::string& reader, Cut cut) {
    const Constant& all = graph_.constants.at(name);
    const auto& values = std::get<std::vector<float>>(all.values);
    const auto each = static_cast<std::ptrdiff_t>(values.size()) / all.dims[0];
    Constant some{all.dims, std::vector<float>(values.begin() + cut.first * each, values.begin() + cut.stop * each)};
    some.dims[0] = cut.count();
    return own_constant(graph_, name, reader, std::move(some));
  }
  std::string constant(int64_t number) {
    const Constant value{{1}, std::vector<int64_t>{number}};
    for (const auto& [name, known] : graph_.constants)
      if (known == value) return name;
    const std::string name = unused("constant");
    graph_.constants.emplace(name, value);
    return name;
  }
  std::string unused(const std::string& base) {
    std::string name = base;
    const auto taken = [&] {
      return graph_.constants.count(name) || std::any_of(graph_.nodes.begin(), graph_.nodes.end(), [&](const Node& n) {
               return n.name == name || n.output == name;
             });
    };
    for (int n = 2; taken(); n++) name = fmt::format("{}_{}", base, n);
    return name;
  }

  Graph& graph_;
};

}  // namespace

void cut_dead_channels(Graph& graph) {
  Cutter cutter(graph);
  for (size_t i = 0; i < graph.nodes.size();) i = cutter.move(i) ? 0 : i + 1;
}

}  // namespace ghost::onnx
