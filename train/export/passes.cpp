#include "train/export/passes.h"

#include <algorithm>
#include <set>

#include "core/error.h"

namespace ghost::onnx {

void simplify(Graph& graph) {
  merge_transposes(graph);
  remove_unused(graph);
  fold_affine(graph);
  cut_dead_channels(graph);
  remove_unused(graph);
}

std::string own_constant(Graph& graph, const std::string& name, const std::string& reader, Constant value) {
  const std::vector<size_t> readers = graph.consumers(name);
  const bool free = !graph.constants.count(name) && !graph.producer(name);
  const bool own = graph.constants.count(name) && readers.size() == 1 && graph.nodes[readers[0]].name == reader;
  std::string to = name;
  if (!free && !own) {
    const std::string base = fmt::format("{}/{}", reader, name);
    to = base;
    for (int n = 2; graph.constants.count(to) || graph.producer(to); n++) to = fmt::format("{}_{}", base, n);
  }
  graph.constants[to] = std::move(value);
  return to;
}

void merge_transposes(Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size(); i++) {
    if (graph.nodes[i].op != "Transpose") continue;
    const Node* const before = graph.producer(graph.nodes[i].inputs[0]);
    Node& node = graph.nodes[i];
    if (before && before->op == "Transpose") {
      const Dims first = attribute(*before, "perm", Dims{}), second = attribute(node, "perm", Dims{});
      Dims both;
      for (const int64_t d : second) both.push_back(first[static_cast<size_t>(d)]);
      node.inputs[0] = before->inputs[0];
      node.attributes["perm"] = both;
    }
    const Dims perm = attribute(node, "perm", Dims{});
    if (std::is_sorted(perm.begin(), perm.end()) && node.output != graph.output.name)
      graph.redirect(node.output, node.inputs[0]);
  }
}

void remove_unused(Graph& graph) {
  std::set<std::string> needed{graph.output.name};
  std::vector<Node> kept;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    if (!needed.count(graph.nodes[i].output)) continue;
    needed.insert(graph.nodes[i].inputs.begin(), graph.nodes[i].inputs.end());
    kept.push_back(std::move(graph.nodes[i]));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  std::erase_if(graph.constants, [&](const auto& constant) { return !needed.count(constant.first); });
}

}  // namespace ghost::onnx
