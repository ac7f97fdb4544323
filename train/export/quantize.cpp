#include "train/export/quantize.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "train/export/evaluator.h"

namespace ghost::onnx {
namespace {

bool is_one_of(const std::string& op, std::initializer_list<const char*> ops) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

// A convolution or matrix product in 8 bits.
bool is_layer(const Graph& graph, const Node& node, const QuantizeOptions& options) {
  const bool product = node.op == "Conv" || (node.op == "Gemm" && attribute(node, "transB", int64_t{0}) == 1);
  return product && graph.constants.count(node.inputs[1]) && !(options.keep_float && options.keep_float(node.name));
}

// Runtimes take these into the product before them.
bool is_fused(const std::string& op) { return is_one_of(op, {"Relu", "Clip"}); }

bool is_computed(const Graph& graph, const std::string& value) {
  return value == graph.input.name || !graph.constants.count(value);
}

// The value after the layer that is rounded: its own, or that of an activation which is fused with it.
std::string result_of(const Graph& graph, const Node& layer) {
  const std::vector<size_t> readers = graph.consumers(layer.output);
  if (readers.size() == 1 && is_fused(graph.nodes[readers[0]].op)) return graph.nodes[readers[0]].output;
  return layer.output;
}

// Scale and zero point of a tensor in uint8.
struct Scale {
  float scale;
  uint8_t zero;
};
Scale scale_of(const ValueRange& range) {
  const double lo = std::min(range.lo, 0.0), hi = std::max(range.hi, 0.0);
  const double scale = hi > lo ? (hi - lo) / 255 : 1;
  return {static_cast<float>(scale), static_cast<uint8_t>(std::clamp(std::nearbyint(-lo / scale), 0.0, 255.0))};
}

class Quantizer {
 public:
  Quantizer(Graph& graph, const ValueRanges& ranges) : graph_(graph), ranges_(ranges) {}

  // What reads the value reads it rounded from now on.
  void round(const std::string& value) {
    const Scale s = scale(value);
    const std::string name = value + "/quantized", scale_name = value + "/scale", zero = value + "/zero_point";
    graph_.constants[scale_name] = {{}, std::vector<float>{s.scale}};
    graph_.constants[zero] = {{}, std::vector<uint8_t>{s.zero}};
    const std::string back = value + "/dequantized";
    graph_.redirect(value, back);
    const std::vector<Node> pair{{"QuantizeLinear", name, {value, scale_name, zero}, name, {}},
                                 {"DequantizeLinear", back, {name, scale_name, zero}, back, {}}};
    const Node* const producer = graph_.producer(value);
    const auto at = producer ? producer - graph_.nodes.data() + 1 : 0;
    graph_.nodes.insert(graph_.nodes.begin() + at, pair.begin(), pair.end());
  }

  // Weights and bias of the node of this name; its input is `value` before rounding.
  void weights(const std::string& name, const std::string& value) {
    const size_t at = place(name);
    const Constant weight = graph_.constants.at(graph_.nodes[at].inputs[1]);
    const auto& w = std::get<std::vector<float>>(weight.values);
    const int64_t channels = weight.dims[0];
    const size_t each = w.size() / static_cast<size_t>(channels);
    std::vector<float> scales;
    std::vector<int8_t> rounded;
    for (size_t c = 0; c < static_cast<size_t>(channels); c++) {
      double largest = 0;
      for (size_t k = 0; k < each; k++) largest = std::max(largest, std::abs(double{w[c * each + k]}));
      scales.push_back(static_cast<float>(largest > 0 ? largest / 127 : 1));
      for (size_t k = 0; k < each; k++)
        rounded.push_back(static_cast<int8_t>(
            std::clamp(std::nearbyint(double{w[c * each + k]} / double{scales.back()}), -127.0, 127.0)));
    }
    const std::vector<int64_t> zeros(static_cast<size_t>(channels), 0);
    std::vector<std::string> inputs = graph_.nodes[at].inputs;
    inputs[1] = dequantized(name + "/weight", {weight.dims, rounded}, scales,
                            {{channels}, std::vector<int8_t>(zeros.begin(), zeros.end())});
    if (inputs.size() > 2) {
      const std::vector<float>& bias = floats(graph_, inputs[2]);
      std::vector<float> products;
      std::vector<int32_t> sums;
      for (size_t c = 0; c < bias.size(); c++) {
        products.push_back(scale(value).scale * scales[c]);
        const double sum = std::nearbyint(double{bias[c]} / double{products.back()});
        sums.push_back(static_cast<int32_t>(std::clamp(sum, -2147483647.0, 2147483647.0)));
      }
      inputs[2] = dequantized(name + "/bias", {{channels}, sums}, products,
                              {{channels}, std::vector<int32_t>(zeros.begin(), zeros.end())});
    }
    graph_.nodes[place(name)].inputs = inputs;
  }

 private:
  Scale scale(const std::string& value) const {
    const auto found = ranges_.find(value);
    if (found == ranges_.end()) fail("quantize: the range of '{}' is not known", value);
    return scale_of(found->second);
  }
  size_t place(const std::string& name) const {
    const auto found =
        std::find_if(graph_.nodes.begin(), graph_.nodes.end(), [&](const Node& n) { return n.name == name; });
    return static_cast<size_t>(found - graph_.nodes.begin());
  }
  std::string dequantized(const std::string& name, Constant values, std::vector<float> scales, Constant zeros) {
    graph_.constants[name + "/scale"] = {{std::ssize(scales)}, std::move(scales)};
    graph_.constants[name + "/zero_point"] = std::move(zeros);
    graph_.constants[name + "/values"] = std::move(values);
    const std::string result = name + "/dequantized";
    graph_.nodes.insert(graph_.nodes.begin(), {"DequantizeLinear",
                                               result,
                                               {name + "/values", name + "/scale", name + "/zero_point"},
                                               result,
                                               {{"axis", int64_t{0}}}});
    return result;
  }

  Graph& graph_;
  const ValueRanges& ranges_;
};

}  // namespace

std::vector<std::string> quantized_layers(const Graph& graph, const QuantizeOptions& options) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes)
    if (is_layer(graph, node, options)) names.push_back(node.name);
  return names;
}

std::vector<std::string> quantized_values(const Graph& graph, const QuantizeOptions& options) {
  std::set<std::string> rounded;
  for (const Node& node : graph.nodes)
    if (is_layer(graph, node, options)) rounded.insert(node.inputs[0]), rounded.insert(result_of(graph, node));
  // What lies between rounded values is rounded too, so that it can be computed in integers.
  for (const Node& node : graph.nodes) {
    if (!is_one_of(node.op, {"Add", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool"})) continue;
    const bool between = std::all_of(node.inputs.begin(), node.inputs.end(),
                                     [&](const std::string& input) { return rounded.count(input) > 0; });
    if (between) rounded.insert(result_of(graph, node));
  }
  rounded.erase(graph.output.name);
  std::vector<std::string> values;
  if (rounded.count(graph.input.name)) values.push_back(graph.input.name);
  for (const Node& node : graph.nodes)
    if (rounded.count(node.output) && is_computed(graph, node.output)) values.push_back(node.output);
  return values;
}

void quantize(Graph& graph, const ValueRanges& ranges, const QuantizeOptions& options) {
  std::vector<std::pair<std::string, std::string>> layers;  // and their inputs
  for (const Node& node : graph.nodes)
    if (is_layer(graph, node, options)) layers.emplace_back(node.name, node.inputs[0]);
  const std::vector<std::string> values = quantized_values(graph, options);
  Quantizer quantizer(graph, ranges);
  for (const std::string& value : values) quantizer.round(value);
  for (const auto& [name, input] : layers) quantizer.weights(name, input);
  std::set<std::string> used;
  for (const Node& node : graph.nodes) used.insert(node.inputs.begin(), node.inputs.end());
  std::erase_if(graph.constants, [&](const auto& constant) { return !used.count(constant.first); });
}

std::vector<LayerLoss> layer_losses(const Graph& graph, const ValueRanges& ranges, const QuantizeOptions& options,
                                    const std::vector<Tensor>& inputs) {
  // Each layer as a graph of its own, quantized.
  struct Layer {
    Graph graph;
    double error = 0, size = 0;
  };
  std::map<std::string, Layer> layers;
  std::set<std::string> kept;
  for (const Node& node : graph.nodes) {
    if (!is_layer(graph, node, options)) continue;
    Layer& layer = layers[node.name];
    layer.graph.input.name = node.inputs[0], layer.graph.output.name = node.output;
    layer.graph.nodes = {node};
    for (size_t i = 1; i < node.inputs.size(); i++)
      layer.graph.constants[node.inputs[i]] = graph.constants.at(node.inputs[i]);
    quantize(layer.graph, ranges, options);
    kept.insert(node.inputs[0]);
  }
  for (const Tensor& input : inputs) {
    std::map<std::string, Tensor> values;
    if (kept.count(graph.input.name)) values[graph.input.name] = input;
    Evaluator(graph).run(input, [&](const Node& node, const Tensor& result) {
      if (kept.count(node.output)) values[node.output] = to_onnx_order(result);
      const auto found = layers.find(node.name);
      if (found == layers.end()) return;
      Layer& layer = found->second;
      const Tensor& x = values.at(node.inputs[0]);
      layer.graph.input.dims = Dims(x.shape().begin(), x.shape().end());
      const std::vector<float> q = Evaluator(layer.graph).run(x).to_vector<float>(),
                               y = to_onnx_order(result).to_vector<float>();
      for (size_t i = 0; i < y.size(); i++) {
        layer.error += std::pow(double{q[i]} - double{y[i]}, 2);
        layer.size += std::pow(double{y[i]}, 2);
      }
    });
  }
  std::vector<LayerLoss> losses;
  losses.reserve(layers.size());
  for (const auto& [name, layer] : layers) losses.push_back({name, layer.size > 0 ? layer.error / layer.size : 0});
  std::stable_sort(losses.begin(), losses.end(),
                   [](const LayerLoss& a, const LayerLoss& b) { return a.loss > b.loss; });
  return losses;
}

}  // namespace ghost::onnx
