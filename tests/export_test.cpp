// Networks as ONNX graphs: what our own evaluator computes from the bytes of a file beside what the network computes.
#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "core/rng.h"
#include "export/graphs.h"
#include "nn/infer.h"
#include "nn/layers/cheap_op.h"
#include "nn/layers/conv_choice.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"
#include "nn/models/registry.h"
#include "support/op_units.h"
#include "support/programs.h"

namespace ghost {
namespace {

using test::evaluated;
using test::file_graph_of;
using test::random_tensor;
using test::randomise;

// Rounding of f32 over all layers, and of batch norms in the weights.
constexpr double kTolerance = 2e-5;

std::set<std::string> operators_of(const onnx::Graph& graph) {
  std::set<std::string> ops;
  for (const onnx::Node& node : graph.nodes) ops.insert(node.op);
  return ops;
}

// The graph of a module answers images that it was not recorded with, one alone and several, as the module does.
onnx::Graph expect_same_answers(Module& model, const Shape& image) {
  randomise(model);
  onnx::Graph graph = file_graph_of(model, {3, image[0], image[1], image[2]});
  for (const int64_t count : {1, 4}) {
    const Tensor x = random_tensor({count, image[0], image[1], image[2]}, static_cast<uint64_t>(count));
    const Tensor expected = onnx::to_onnx_order(infer(model, x)), came = evaluated(graph, x);
    EXPECT_EQ(came.shape(), expected.shape());
    if (!(came.shape() == expected.shape())) return graph;
    const double largest = test::largest_magnitude(expected);
    EXPECT_GT(largest, 1e-3) << "a network that answers nothing shows nothing";
    EXPECT_LE(test::largest_difference(came, expected), kTolerance * largest) << count << " images";
  }
  return graph;
}

// ---- operators -----------------------------------------------------------------------------------------------------

struct OperatorCase {
  std::string unit;
  OpCase c;
};
void PrintTo(const OperatorCase& row, std::ostream* to) { *to << row.unit << " " << row.c.name; }
std::vector<OperatorCase> every_case() {
  std::vector<OperatorCase> rows;
  for (const test::OpUnit& unit : test::op_units())
    for (OpCase& c : unit.cases()) rows.push_back({unit.name, std::move(c)});
  return rows;
}

// Why a case has no ONNX form: what the message has to say. Empty: it has one.
std::string refusal_of(const std::string& unit, const std::string& name) {
  if (unit == "dropout" || unit == "cross_entropy") return "cannot be exported: no operator of ONNX is known for it";
  if (unit == "batch_norm" && name.find("_train") != std::string::npos) return "it normalises by the batch";
  const bool normalised = name.starts_with("gate") || name.starts_with("mean");  // in the case itself
  if (unit == "arithmetic" && normalised && name != "gate_of_leaf") return "it normalises by the batch";
  if (name == "read_statistics" || name == "of_normalised") return "it normalises by the batch";
  if (name.starts_with("slice_vector")) return "it takes some of the images";
  return {};
}

class ExportedOperator : public testing::TestWithParam<OperatorCase> {};

TEST_P(ExportedOperator, IsEvaluatedAsItIsComputed) {
  const auto& [unit, c] = GetParam();
  const std::vector<Tensor> inputs = test::inputs_of(c, DType::f32);
  const auto with = [&](const Tensor& first) {
    std::vector<Tensor> all = inputs;
    all[0] = first;
    return c.run(all);
  };
  const std::string refusal = refusal_of(unit, c.name);
  if (!refusal.empty()) {
    EXPECT_THAT(test::error_of([&] { onnx::lower(onnx::record(with, inputs[0])); }), testing::HasSubstr(refusal));
    return;
  }
  const onnx::Graph graph = test::through_a_file(onnx::lower(onnx::record(with, inputs[0])));
  // Other values than the recorded ones, so that nothing of those can be in the graph.
  std::vector<float> values = inputs[0].to_vector<float>();
  std::reverse(values.begin(), values.end());
  const Tensor x = Tensor::from(values, inputs[0].shape()), expected = onnx::to_onnx_order(with(x));
  const Tensor came = evaluated(graph, x);
  ASSERT_EQ(came.shape(), expected.shape());
  EXPECT_LE(test::largest_difference(came, expected), 1e-5 * (1 + test::largest_magnitude(expected)));
}

std::string test_name(const testing::TestParamInfo<OperatorCase>& info) {
  std::string name = info.param.unit + "_" + info.param.c.name + "_" + std::to_string(info.index);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, ExportedOperator, testing::ValuesIn(every_case()), test_name);

// ---- models --------------------------------------------------------------------------------------------------------

struct Named {
  std::string name;
  ModelConfig config;
};
void PrintTo(const Named& model, std::ostream* to) { *to << model.name; }

std::vector<Named> every_model() {
  std::vector<Named> all;
  for (const ModelEntry& entry : model_table()) {
    const bool takes_conv = std::count(entry.options.begin(), entry.options.end(), "conv") > 0;
    for (const std::string& conv : takes_conv ? conv_choice_names() : std::vector<std::string>{"standard"}) {
      ModelConfig config{.name = entry.name, .num_classes = 7};
      if (entry.name == "resnet") config.depth = 20;
      if (entry.name == "vgg") config.depth = 11;
      if (std::count(entry.options.begin(), entry.options.end(), "width") > 0) config.width = 0.5;
      config.conv.name = conv;
      all.push_back({entry.name + (takes_conv ? "_" + conv : ""), config});
    }
  }
  return all;
}

class ExportedModel : public testing::TestWithParam<Named> {};

TEST_P(ExportedModel, AnswersAsTheModelDoesInStandardOperators) {
  const ModulePtr model = build_model(GetParam().config, 0);
  const onnx::Graph graph = expect_same_answers(*model, {32, 32, 3});
  EXPECT_EQ(graph.output.name, "logits");
  EXPECT_EQ(graph.output.dims, (onnx::Dims{-1, 7}));
  EXPECT_EQ(graph.input.dims, (onnx::Dims{-1, 3, 32, 32}));
  for (const onnx::Node& node : graph.nodes) {
    const onnx::Node* const before = onnx::Graph(graph).producer(node.inputs[0]);
    const bool alone = graph.consumers(node.inputs[0]).size() == 1;  // else others read what is not normalised
    EXPECT_FALSE(node.op == "BatchNormalization" && before && before->op == "Conv" && alone)
        << node.name << " is not folded";
  }
  // Named like the modules.
  std::set<std::string> paths;
  for (const auto& [path, module] : model->modules()) paths.insert(path);
  for (const onnx::Node& node : graph.nodes) {
    const std::string path = node.name.substr(0, node.name.find('/'));
    EXPECT_TRUE(paths.count(path) || path.starts_with(node.op)) << node.name;
  }
}

std::string model_name(const testing::TestParamInfo<Named>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(All, ExportedModel, testing::ValuesIn(every_model()), model_name);

TEST(ExportedVariants, AnswerAsTheModelDoes) {
  const std::vector<ModelConfig> configs{
      {.name = "ghostnet", .num_classes = 3, .width = 0.5, .variant = "tensorflow", .stem_stride = 1},
      {.name = "ghostnet", .num_classes = 3, .width = 0.5, .variant = "d_li14", .stem_stride = 1},
      {.name = "mobilenet_v1", .num_classes = 3, .width = 0.25, .variant = "timm"},
      {.name = "mobilenet_v3", .num_classes = 3, .width = 0.5, .variant = "small", .stem_stride = 1},
      {.name = "mobilenet_v4", .num_classes = 3, .width = 0.25, .variant = "conv_medium"},
      {.name = "repghost", .num_classes = 3, .width = 0.5, .deployed = true},
      {.name = "ghostnet_v3", .num_classes = 3, .width = 0.5, .deployed = true},
      {.name = "resnet", .num_classes = 3, .depth = 18},
      {.name = "resnet", .num_classes = 3, .depth = 20, .shortcut = "B"},
      {.name = "plain_cnn", .num_classes = 3, .activation = "clip", .channels = {8, 16}},
      {.name = "plain_cnn", .num_classes = 3, .activation = "hard_swish", .channels = {8, 16}},
      {.name = "plain_cnn", .num_classes = 3, .activation = "silu", .channels = {8, 16}}};
  for (const ModelConfig& config : configs) {
    SCOPED_TRACE(config.name + " " + config.variant + " " + config.activation);
    const ModulePtr model = build_model(config, 0);
    expect_same_answers(*model, {32, 32, 3});
  }
}

TEST(ExportedVariants, OfOddAndOblongSizes) {
  const ModulePtr model = build_model({.name = "ghostnet", .num_classes = 3, .width = 0.5}, 0);
  expect_same_answers(*model, {45, 38, 3});
  const ModulePtr grey = build_model({.name = "resnet", .num_classes = 3, .in_channels = 1, .depth = 20}, 0);
  expect_same_answers(*grey, {28, 28, 1});
}

// ---- ghosts --------------------------------------------------------------------------------------------------------

TEST(ExportedGhosts, OfEveryCheapOperation) {
  for (const std::string& op : cheap_op_names()) {
    SCOPED_TRACE(op);
    const ModulePtr model =
        build_model({.name = "ghostnet", .num_classes = 3, .width = 0.5, .cheap_op = op, .stem_stride = 1}, 0);
    expect_same_answers(*model, {32, 32, 3});
    for (const int64_t out : {6, 7}) {
      GhostModule module({.in = 4, .out = out, .kernel = 3, .cheap_op = op});
      expect_same_answers(module, {9, 8, 4});
    }
  }
}

TEST(ExportedGhosts, DeadChannelsAreNotComputed) {
  GhostModule module({.in = 4, .out = 7, .cheap_op = "depthwise"});
  ASSERT_EQ(module.dead(), 1);
  const onnx::Graph graph = expect_same_answers(module, {9, 8, 4});
  int depthwise = 0;
  for (const onnx::Node& node : graph.nodes) {
    if (onnx::attribute(node, "group", int64_t{1}) == 1) continue;
    depthwise++;
    EXPECT_EQ(graph.constants.at(node.inputs[1]).dims, (onnx::Dims{3, 1, 3, 3}));
  }
  EXPECT_EQ(depthwise, 1);
  EXPECT_EQ(graph.nodes.back().op, "Concat") << "nothing is cut off behind it";

  // Of three ghosts of each map, whole maps are cut off.
  GhostModule wide({.in = 4, .out = 9, .ratio = 4, .cheap_op = "depthwise"});
  ASSERT_EQ(wide.dead(), 3);
  expect_same_answers(wide, {9, 8, 4});
}

TEST(ExportedGhosts, BlurAndHaarAreConstantsOfConvolutions) {
  for (const std::string op : {"blur", "haar", "shift"}) {
    GhostModule module({.in = 4, .out = 8, .cheap_op = op});
    const onnx::Graph graph = expect_same_answers(module, {9, 8, 4});
    EXPECT_EQ(operators_of(graph), (std::set<std::string>{"Conv", "Relu", "Concat"})) << op;
  }
}

}  // namespace
}  // namespace ghost
