#include <algorithm>
#include <cmath>
#include <optional>

#include "train/export/passes.h"

namespace ghost::onnx {
namespace {

// y = x·scale + shift, for each channel.
struct Affine {
  std::vector<double> scale, shift;
};

// One number for each channel, at dimension 1 of `rank`, or the same for all.
std::optional<std::vector<double>> per_channel(const Graph& graph, const std::string& name, int64_t channels,
                                               int rank) {
  const auto found = graph.constants.find(name);
  if (found == graph.constants.end()) return {};
  const auto* const values = std::get_if<std::vector<float>>(&found->second.values);
  if (!values) return {};
  const Dims& dims = found->second.dims;
  if (values->size() == 1 && std::ssize(dims) <= rank)
    return std::vector<double>(static_cast<size_t>(channels), double{values->front()});
  Dims wanted(static_cast<size_t>(rank - 1), 1);
  wanted.front() = channels;
  Dims given = dims;
  if (std::ssize(given) == rank && given.front() == 1) given.erase(given.begin());
  if (given != wanted) return {};
  return std::vector<double>(values->begin(), values->end());
}

// What `node` does to `value`, if that is an affine map of each channel.
std::optional<Affine> affine_of(const Graph& graph, const Node& node, const std::string& value, int64_t channels,
                                int rank) {
  const auto count = static_cast<size_t>(channels);
  if (node.op == "BatchNormalization") {
    if (node.inputs[0] != value) return {};
    const std::vector<float>&scale = floats(graph, node.inputs[1]), &bias = floats(graph, node.inputs[2]),
          &mean = floats(graph, node.inputs[3]), &var = floats(graph, node.inputs[4]);
    const double eps = double{attribute(node, "epsilon", 1e-5F)};
    Affine affine;
    for (size_t c = 0; c < count; c++) {
      affine.scale.push_back(double{scale[c]} / std::sqrt(double{var[c]} + eps));
      affine.shift.push_back(double{bias[c]} - double{mean[c]} * affine.scale.back());
    }
    return affine;
  }
  if (node.op != "Mul" && node.op != "Add" && node.op != "Sub" && node.op != "Div") return {};
  const bool first = node.inputs[0] == value;
  if (!first && (node.op == "Sub" || node.op == "Div")) return {};
  auto other = per_channel(graph, node.inputs[first ? 1 : 0], channels, rank);
  if (!other) return {};
  if (node.op == "Mul") return Affine{*other, std::vector<double>(count, 0)};
  if (node.op == "Add") return Affine{std::vector<double>(count, 1), *other};
  for (double& v : *other) v = node.op == "Sub" ? -v : 1 / v;
  if (node.op == "Sub") return Affine{std::vector<double>(count, 1), *other};
  return Affine{*other, std::vector<double>(count, 0)};
}

// The weights have the output channels in front.
void fold(Graph& graph, Node& product, const Affine& affine) {
  Constant weight = graph.constants.at(product.inputs[1]);
  auto& w = std::get<std::vector<float>>(weight.values);
  const size_t channels = affine.scale.size(), each = w.size() / channels;
  std::vector<float> bias(channels);
  const bool biased = product.inputs.size() > 2;
  const std::vector<float> before = biased ? floats(graph, product.inputs[2]) : bias;
  for (size_t c = 0; c < channels; c++) {
    for (size_t k = 0; k < each; k++) w[c * each + k] = static_cast<float>(double{w[c * each + k]} * affine.scale[c]);
    bias[c] = static_cast<float>(double{before[c]} * affine.scale[c] + affine.shift[c]);
  }
  const std::string bias_name = biased ? product.inputs[2] : product.name + ".bias";
  product.inputs.resize(3);
  product.inputs[1] = own_constant(graph, product.inputs[1], product.name, std::move(weight));
  product.inputs[2] = own_constant(graph, bias_name, product.name, {{std::ssize(bias)}, bias});
}

}  // namespace

void fold_affine(Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size(); i++) {
    Node& product = graph.nodes[i];
    const bool conv = product.op == "Conv",
               gemm = product.op == "Gemm" && attribute(product, "transB", int64_t{0}) == 1;
    if ((!conv && !gemm) || !graph.constants.count(product.inputs[1])) continue;
    const int64_t channels = graph.constants.at(product.inputs[1]).dims[0];
    while (product.output != graph.output.name) {
      const std::vector<size_t> readers = graph.consumers(product.output);
      if (readers.size() != 1) break;
      Node& next = graph.nodes[readers[0]];
      const auto affine = affine_of(graph, next, product.output, channels, conv ? 4 : 2);
      if (!affine) break;
      fold(graph, product, *affine);
      product.output = next.output;
      graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(readers[0]));
    }
  }
}

}  // namespace ghost::onnx
