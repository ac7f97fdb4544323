// Graphs in 8 bits: what is rounded, to what, and what that costs.
#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "export/graphs.h"
#include "nn/infer.h"
#include "nn/models/registry.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/export/calibrate.h"

namespace ghost {
namespace {

using test::random_tensor;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

onnx::Graph graph_of(Module& model) {
  test::randomise(model);
  return test::file_graph_of(model, {3, 16, 16, 3});
}
std::vector<Tensor> images() {
  std::vector<Tensor> all;
  for (uint64_t seed = 0; seed < 4; seed++) all.push_back(onnx::to_onnx_order(random_tensor({4, 16, 16, 3}, seed)));
  return all;
}
onnx::Graph in_8_bits(const onnx::Graph& graph, const onnx::QuantizeOptions& options = {},
                      onnx::Calibration by = onnx::Calibration::mse) {
  onnx::Graph rounded = graph;
  onnx::quantize(rounded, onnx::calibrate(graph, onnx::quantized_values(graph, options), images(), by), options);
  return test::through_a_file(rounded);
}
double relative_difference(const Tensor& a, const Tensor& b) {
  double error = 0, size = 0;
  const std::vector<double> x = a.to_vector<double>(), y = b.to_vector<double>();
  for (size_t i = 0; i < x.size(); i++) error += std::pow(x[i] - y[i], 2), size += y[i] * y[i];
  return std::sqrt(error / size);
}

TEST(Int8, RoundsToTheNearestAndCutsOff) {
  onnx::Graph graph;
  graph.input = {"x", onnx::ElementType::f32, {-1}};
  graph.output = {"y", onnx::ElementType::f32, {-1}};
  graph.constants = {{"s", {{}, std::vector<float>{0.5F}}}, {"z", {{}, std::vector<uint8_t>{10}}}};
  graph.nodes = {{"QuantizeLinear", "q", {"x", "s", "z"}, "q", {}},
                 {"DequantizeLinear", "y", {"q", "s", "z"}, "y", {}}};
  const Tensor x = Tensor::from(std::vector<float>{0, 0.2F, 0.3F, 0.75F, -4.9F, -5.3F, -100, 122.4F, 1000}, {9});
  EXPECT_THAT(onnx::Evaluator(graph).run(x).to_vector<double>(),
              testing::ElementsAre(0, 0, 0.5, 1, -5, -5, -5, 122.5, 122.5));
}

TEST(Int8, WeightsHaveAScaleForEachChannelAndNoZeroPoint) {
  const ModulePtr model = build_model({.name = "mobilenet_v1", .num_classes = 5, .width = 0.25, .stem_stride = 1}, 0);
  const onnx::Graph plain = graph_of(*model);
  const std::vector<std::string> layers = onnx::quantized_layers(plain, {});
  EXPECT_EQ(layers.size(), 28U);  // 27 convolutions and the classifier
  onnx::Graph rounded = in_8_bits(plain);
  for (const std::string& layer : layers) {
    SCOPED_TRACE(layer);
    const onnx::Node& was =
        *std::find_if(plain.nodes.begin(), plain.nodes.end(), [&](const auto& n) { return n.name == layer; });
    const std::vector<float>& w = onnx::floats(plain, was.inputs[1]);
    const std::vector<float>& scales = onnx::floats(rounded, layer + "/weight/scale");
    const auto& values = std::get<std::vector<int8_t>>(rounded.constants.at(layer + "/weight/values").values);
    const auto& zeros = std::get<std::vector<int8_t>>(rounded.constants.at(layer + "/weight/zero_point").values);
    ASSERT_EQ(std::ssize(scales), plain.constants.at(was.inputs[1]).dims[0]);
    EXPECT_EQ(std::count(zeros.begin(), zeros.end(), 0), std::ssize(scales));
    const size_t each = w.size() / scales.size();
    for (size_t c = 0; c < scales.size(); c++) {
      int largest = 0;
      for (size_t k = c * each; k < (c + 1) * each; k++) {
        largest = std::max(largest, std::abs(int{values[k]}));
        ASSERT_NEAR(static_cast<float>(values[k]) * scales[c], w[k], scales[c] * 0.5001F);
      }
      ASSERT_EQ(largest, 127) << "the whole range is used";
    }
  }
}

TEST(Int8, AnswersNearlyAsBefore) {
  for (const char* name : {"ghostnet", "resnet", "mobilenet_v1", "plain_cnn"}) {
    SCOPED_TRACE(name);
    ModelConfig config{.name = name, .num_classes = 5, .width = 0.5};
    config.depth = config.name == "resnet" ? 20 : 0;
    const ModulePtr model = build_model(config, 0);
    const onnx::Graph plain = graph_of(*model);
    const Tensor x = random_tensor({8, 16, 16, 3}, 9);
    const Tensor expected = test::evaluated(plain, x);
    for (const auto by : {onnx::Calibration::mse, onnx::Calibration::percentile}) {
      const double difference = relative_difference(test::evaluated(in_8_bits(plain, {}, by), x), expected);
      EXPECT_LT(difference, 0.15) << "random weights and 50 layers at most";
      EXPECT_GT(difference, 1e-5) << "nothing was rounded";
    }
  }
}

TEST(Int8, LayersThatStayInFloatKeepTheirWeights) {
  const ModulePtr model = build_model({.name = "plain_cnn", .num_classes = 5, .channels = {8, 16}}, 0);
  const onnx::Graph plain = graph_of(*model);
  const std::string first = onnx::quantized_layers(plain, {}).front();
  const onnx::QuantizeOptions options{[&](const std::string& name) { return name == first; }};
  EXPECT_EQ(onnx::quantized_layers(plain, options).size() + 1, onnx::quantized_layers(plain, {}).size());
  const onnx::Graph rounded = in_8_bits(plain, options);
  for (const onnx::Node& node : rounded.nodes) {
    if (node.name != first) continue;
    EXPECT_EQ(node.inputs[0], "images");
    EXPECT_EQ(onnx::floats(rounded, node.inputs[1]), onnx::floats(plain, node.inputs[1]));
  }
  // The loss of a layer is its own: that of the first does not hang on whether the others are rounded.
  const auto ranges = onnx::calibrate(plain, onnx::quantized_values(plain, {}), images(), onnx::Calibration::mse);
  const auto losses = onnx::layer_losses(plain, ranges, {}, images());
  EXPECT_EQ(losses.size(), onnx::quantized_layers(plain, {}).size());
  for (size_t i = 0; i + 1 < losses.size(); i++) EXPECT_GE(losses[i].loss, losses[i + 1].loss);
  EXPECT_GT(losses.back().loss, 0);
  EXPECT_LT(losses.front().loss, 0.01);
}

TEST(Int8, RangesLeaveOutWhatIsRare) {
  onnx::Graph graph;
  graph.input = {"x", onnx::ElementType::f32, {-1}};
  graph.output = {"y", onnx::ElementType::f32, {-1}};
  graph.nodes = {{"Relu", "y", {"x"}, "y", {}}};
  std::vector<float> values(100000);
  for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<float>(i % 1000) / 1000;
  values[5] = 50;
  const std::vector<Tensor> inputs{Tensor::from(values, {std::ssize(values)})};
  const auto high = [&](onnx::Calibration by) { return onnx::calibrate(graph, {"y"}, inputs, by).at("y").hi; };
  EXPECT_NEAR(high(onnx::Calibration::percentile), 1, 0.05);
  // (50 − h)² for the rare one, and (h/255)²/12 for each of 100,000: least at 50/(1 + 100,000/(12·255²)).
  EXPECT_NEAR(high(onnx::Calibration::mse), 44.3, 0.5);
}

TEST(Int8, TheProgramSaysWhatItCosts) {
  const test::TempDir dir;
  test::write_tiny_task(dir);
  ASSERT_EQ(test::train_tiny(dir, {"--run", "run"}).status, 0);
  const auto convert = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"--checkpoint", "run", "--to", "onnx"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_program("ghost-convert", arguments, {.directory = dir.str()});
  };
  const test::Finished done = convert({"--int8", "--calibrate", "40", "--with-preprocessing", "-o", "a.onnx"});
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(done.out, AllOf(HasSubstr("in 8 bits, calibrated with 40 training images of idx: "),
                              HasSubstr("top-1 on 40 test images: "), HasSubstr("layers that lose most")));
  const onnx::Graph graph = onnx::from_bytes(test::file_text(dir / "a.onnx"), "a.onnx");
  EXPECT_TRUE(
      std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const auto& n) { return n.op == "QuantizeLinear"; }));
  EXPECT_THAT(graph.metadata.at("accuracy"), HasSubstr("\"images\":40"));

  EXPECT_EQ(convert({"--int8", "--calibrate", "0", "-o", "b.onnx"}).status, 2);
  EXPECT_EQ(convert({"--calibrate", "8", "-o", "b.onnx"}).status, 2);
  const test::Finished blind = convert({"--int8", "--set", "data.root=nowhere", "-o", "b.onnx"});
  EXPECT_EQ(blind.status, 1);
  EXPECT_THAT(blind.err,
              AllOf(HasSubstr("8 bits are calibrated with training images"), HasSubstr("--set data.root=DIR")));
  EXPECT_FALSE(std::filesystem::exists(dir / "b.onnx"));
}

}  // namespace
}  // namespace ghost
