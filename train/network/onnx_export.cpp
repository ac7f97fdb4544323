#include "train/network/onnx_export.h"

#include <algorithm>
#include <cmath>

#include "core/atomic_file.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"
#include "nn/finite.h"
#include "nn/infer.h"
#include "nn/models/deployed.h"
#include "train/export/evaluator.h"
#include "train/export/lowering.h"
#include "train/export/onnx_file.h"
#include "train/export/passes.h"
#include "train/export/ports.h"
#include "train/network/sample_images.h"
#include "train/run/json_fields.h"
#include "train/run/version.h"

namespace ghost {
namespace {

constexpr double kTolerance = 1e-4;  // of the largest output: rounding of f32 over a deep network

// Where it is known of these very weights.
std::string accuracy_of(const Network& network) {
  if (!network.progress) return {};
  const Progress& p = *network.progress;
  if (p.best_epoch > 0 && p.epoch == p.best_epoch && p.batch == 0)
    return Json{{"top1", p.best_top1}, {"epoch", p.best_epoch}}.dump();
  if (p.test.count > 0 && p.batch == 0 && network.weights_of == "raw")
    return Json{{"top1", p.test.top1_percent()}, {"epoch", p.epoch}}.dump();
  return {};
}

// With one convolution in place of parallel branches.
ModulePtr deployed(const Network& network) {
  const ModelConfig& model = network.config.model;
  return has_branches(model.name) && !model.deployed ? deployed_network(*network.model, model) : network.model;
}

// More images than one and an uncommon number, so that a size which happens to be the same is not taken for it.
onnx::Graph graph_of(Module& model, const Network& network) {
  const Preprocessing& p = *network.preprocessing;
  constexpr int64_t kImages = 3;
  const Tensor images = Tensor::zeros({kImages, p.image_size, p.image_size, p.channels});
  onnx::Graph graph = onnx::lower(onnx::record(model, images));
  onnx::flatten_output(graph);
  if (graph.output.dims.size() != 2 || graph.output.dims[0] >= 0)
    fail("{}: cannot be exported: its result for (N, H, W, C) is not (N, classes)", network.file);
  onnx::simplify(graph);
  graph.metadata = to_metadata(metadata_of(network));
  graph.metadata["ghost_version"] = version();
  if (const std::string accuracy = accuracy_of(network); !accuracy.empty()) graph.metadata["accuracy"] = accuracy;
  return graph;
}

std::string bytes_of(onnx::Graph graph, const Network& network, const OnnxOptions& options) {
  if (options.softmax) onnx::give_probabilities(graph);
  if (options.preprocessing) onnx::take_pixels(graph, network.preprocessing->mean, network.preprocessing->std);
  return onnx::to_bytes(graph, version());
}

Tensor images_of(const Tensor& all, int64_t first, int64_t count) {
  if (all.dtype() == DType::f32) return slice(all, {{first, first + count}});
  const Shape& s = all.shape();
  const uint8_t* from = all.data<uint8_t>();
  const int64_t each = s.numel() / s[0];
  return Tensor::from(std::vector<uint8_t>(from + first * each, from + (first + count) * each),
                      {count, s[1], s[2], s[3]});
}

// The file's outputs beside the network's: of the first image alone, then of the others together.
void check(const onnx::Graph& graph, const Network& network, const OnnxOptions& options, OnnxReport& report) {
  const SampleImages samples = sample_images(network, "test", options.images);
  report.checked_with = samples.from;
  const NoGrad no_grad;
  const onnx::Evaluator evaluator(graph);
  const int64_t count = samples.pixels.size(0);
  for (const auto& [first, size] : {std::pair{int64_t{0}, int64_t{1}}, {int64_t{1}, count - 1}}) {
    if (size < 1) continue;
    const Tensor input = options.preprocessing ? images_of(samples.pixels, first, size)
                                               : onnx::to_onnx_order(images_of(samples.normalized, first, size));
    const Tensor logits = infer(*network.model, images_of(samples.normalized, first, size));
    const Tensor expected = options.softmax ? softmax(logits) : logits;
    const Tensor came = evaluator.run(input);
    if (!all_finite(expected)) fail("{}: answers its own images with NaN or infinity", network.file);
    if (came.numel() != expected.numel())
      fail("{}: the exported graph gives {}, but the network {}", network.file, came.shape().str(),
           expected.shape().str());
    const std::vector<double> a = came.to_vector<double>(), b = expected.to_vector<double>();
    for (size_t i = 0; i < a.size(); i++) {
      const double difference = std::isfinite(a[i]) ? std::abs(a[i] - b[i]) : INFINITY;
      report.largest_output = std::max(report.largest_output, std::abs(b[i]));
      report.largest_difference = std::max(report.largest_difference, difference);
    }
  }
  if (report.largest_difference > kTolerance * report.largest_output)
    fail(
        "{}: the exported graph does not compute what the network does: on {} its outputs differ by up to {:.2g}, "
        "where "
        "the largest is {:.4g}, and at most {:.0e} of that was expected. Nothing is written. Does a module compute "
        "with values outside of operators?",
        network.file, report.checked_with, report.largest_difference, report.largest_output, kTolerance);
}

}  // namespace

OnnxReport export_onnx(const std::filesystem::path& file, const Network& network, const OnnxOptions& options) {
  if (!network.preprocessing) fail("{}: does not say how pictures are prepared for it", network.file);
  const ModulePtr model = deployed(network);
  onnx::Graph graph = graph_of(*model, network);
  std::string bytes = bytes_of(graph, network, options);
  OnnxReport report{.bytes = std::ssize(bytes), .nodes = std::ssize(graph.nodes), .checked_with = {}};
  report.float_bytes = report.bytes;
  check(onnx::from_bytes(bytes, file.string()), network, options, report);
  if (options.int8) {
    report.int8 = quantize_graph(graph, *model, network, *options.int8);
    bytes = bytes_of(graph, network, options);
    test_in_8_bits(onnx::from_bytes(bytes, file.string()), network, *report.int8);
    if (report.int8->tested > 0)
      graph.metadata["accuracy"] = Json{{"top1", report.int8->top1}, {"images", report.int8->tested}}.dump();
    bytes = bytes_of(graph, network, options);
    report.bytes = std::ssize(bytes), report.nodes = std::ssize(graph.nodes);
  }
  AtomicFile out(file);
  out.write(bytes.data(), bytes.size());
  out.commit();
  return report;
}

}  // namespace ghost
