#include "train/network/onnx_int8.h"

#include <algorithm>
#include <cmath>

#include "core/ops/shape_ops.h"
#include "data/loader.h"
#include "train/export/evaluator.h"
#include "train/network/evaluated_data.h"
#include "train/network/evaluator.h"
#include "train/network/sample_images.h"

namespace ghost {
namespace {

constexpr int64_t kAtOnce = 8;  // images that are evaluated together

std::vector<Tensor> batches_of(const Tensor& images, int64_t most) {
  std::vector<Tensor> batches;
  const int64_t count = std::min(images.size(0), most);
  for (int64_t first = 0; first < count; first += kAtOnce)
    batches.push_back(onnx::to_onnx_order(slice(images, {{first, std::min(first + kAtOnce, count)}})));
  return batches;
}

onnx::QuantizeOptions layers_of(const onnx::Graph& graph, Module& model, const Int8Options& options) {
  std::string first;
  for (const onnx::Node& node : graph.nodes)
    if (first.empty() && node.op == "Conv") first = node.name;
  std::vector<std::string> gates;
  for (const auto& [path, module] : model.modules())
    if (std::string(module->kind()) == "SqueezeExcite") gates.push_back(path + ".");
  return {[=](const std::string& node) {
    const bool gate =
        std::any_of(gates.begin(), gates.end(), [&](const std::string& path) { return node.starts_with(path); });
    return (options.float_first && node == first) || (options.float_squeeze_excite && gate);
  }};
}

// A graph in the place of a network.
class GraphModule final : public Module {
 public:
  GraphModule(const onnx::Graph& graph, const Preprocessing& preprocessing)
      : graph_(graph), evaluator_(graph), preprocessing_(preprocessing) {}
  const char* kind() const override { return "Graph"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const bool pixels = graph_.input.type == onnx::ElementType::u8;
    std::vector<Tensor> answers;
    for (int64_t first = 0; first < x.size(0); first += kAtOnce) {
      const Tensor part = slice(x, {{first, std::min(first + kAtOnce, x.size(0))}});
      answers.push_back(evaluator_.run(pixels ? pixels_of(part) : onnx::to_onnx_order(part)));
    }
    return cat(answers, 0);
  }

 private:
  // What normalisation has made of whole numbers.
  Tensor pixels_of(const Tensor& x) const {
    const std::vector<float> values = x.to_vector<float>();
    std::vector<uint8_t> pixels(values.size());
    const auto channels = static_cast<size_t>(x.size(3));
    for (size_t i = 0; i < values.size(); i++) {
      const size_t c = i % channels;
      const double value = (double{values[i]} * preprocessing_.std[c] + preprocessing_.mean[c]) * 255;
      pixels[i] = static_cast<uint8_t>(std::clamp(std::nearbyint(value), 0.0, 255.0));
    }
    return Tensor::from(pixels, x.shape());
  }

  const onnx::Graph& graph_;
  onnx::Evaluator evaluator_;
  const Preprocessing& preprocessing_;
};

}  // namespace

Int8Report quantize_graph(onnx::Graph& graph, Module& model, const Network& network, const Int8Options& options) {
  const SampleImages samples = sample_images(network, "train", options.images);
  if (!samples.real)
    fail(
        "{}: 8 bits are calibrated with training images, but there are only {}; --set data.root=DIR names their folder",
        network.file, samples.from);
  const onnx::QuantizeOptions layers = layers_of(graph, model, options);
  Int8Report report;
  report.calibrated_with = samples.from;
  report.layers = std::ssize(onnx::quantized_layers(graph, layers));
  const onnx::ValueRanges ranges =
      onnx::calibrate(graph, onnx::quantized_values(graph, layers),
                      batches_of(samples.normalized, samples.normalized.size(0)), options.calibration);
  constexpr int64_t kLosing = 10, kLossImages = 16;
  report.largest = onnx::layer_losses(graph, ranges, layers, batches_of(samples.normalized, kLossImages));
  if (std::ssize(report.largest) > kLosing) report.largest.resize(kLosing);
  onnx::quantize(graph, ranges, layers);
  return report;
}

void test_in_8_bits(const onnx::Graph& graph, const Network& network, Int8Report& report) {
  std::optional<EvaluatedData> data;
  try {
    data = open_evaluated_data(network, "test", false);
  } catch (const Error&) {
    return;
  }
  const Config& config = network.config;
  Loader loader(data->parts.front().second, data->data, {},
                {.batch_size = config.train.eval_batch_size,
                 .seed = config.run.seed,
                 .workers = config.data.workers,
                 .prefetch = config.data.prefetch});
  GraphModule in_8_bits(graph, *network.preprocessing);
  const MetricSums plain = evaluate(*network.model, loader)->sums, rounded = evaluate(in_8_bits, loader)->sums;
  report.tested = plain.count, report.top1_float = plain.top1_percent(), report.top1 = rounded.top1_percent();
}

}  // namespace ghost
