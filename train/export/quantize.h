// Graphs in 8 bits: weights and activations are rounded where convolutions and matrix products read them. The graph
// stays one of f32 with QuantizeLinear and DequantizeLinear around (the QDQ form), which runtimes turn into products of
// integers (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
// Inference", arXiv 1712.05877).
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "train/export/graph.h"

namespace ghost::onnx {

// The range of the values of one tensor that 8 bits represent; it holds 0.
struct ValueRange {
  double lo = 0, hi = 0;
};
using ValueRanges = std::map<std::string, ValueRange>;  // by value

struct QuantizeOptions {
  // Of a node by its name: whether it stays in f32.
  std::function<bool(const std::string&)> keep_float;
};

// The values whose rounding is part of the quantized graph, in order.
std::vector<std::string> quantized_values(const Graph& graph, const QuantizeOptions& options);

// Convolutions and matrix products with constant weights, but for those that stay in f32, read 8 bits:
//   weights       int8, symmetric, a scale for each output channel (depthwise too)
//   biases        int32, of the scale of the products
//   activations   uint8 with a zero point, a scale for the whole tensor, from `ranges`
// So do sums, joins and pooling of their results. Throws Error if a range is missing.
void quantize(Graph& graph, const ValueRanges& ranges, const QuantizeOptions& options);

// Nodes of the graph that are quantized and have weights.
std::vector<std::string> quantized_layers(const Graph& graph, const QuantizeOptions& options);

// What one layer alone loses by 8 bits: Σ(q − y)²/Σy² over its results, with inputs in f32 rounded as in the graph.
struct LayerLoss {
  std::string name;
  double loss = 0;
};
// Over these inputs of the graph, in f32; the largest first.
std::vector<LayerLoss> layer_losses(const Graph& graph, const ValueRanges& ranges, const QuantizeOptions& options,
                                    const std::vector<Tensor>& inputs);

}  // namespace ghost::onnx
