#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

#include "core/ops/cross_entropy.h"
#include "core/ops/shape_ops.h"
#include "nn/layers/conv2d.h"
#include "nn/models/registry.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/op_units.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::entry_names;
using test::error_of;
using test::parameter_count;
using test::random_tensor;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

ConvChoice conv_named(const std::string& name) {
  ConvChoice choice;
  choice.name = name;
  return choice;
}

// Every model, variant and choice of convolution, small enough for a step in each test.
std::vector<std::pair<std::string, ModelConfig>> small_models() {
  std::vector<std::pair<std::string, ModelConfig>> list;
  for (const char* variant : {"official", "tensorflow", "d_li14"})
    list.emplace_back(
        std::string("ghostnet_") + variant,
        ModelConfig{.name = "ghostnet", .num_classes = 5, .width = 0.5, .variant = variant, .stem_stride = 1});
  list.emplace_back("mini_group_net", ModelConfig{.name = "mini_group_net", .num_classes = 5, .groups = 8});
  for (const std::string& conv : conv_choice_names())
    list.emplace_back(
        "plain_cnn_" + conv,
        ModelConfig{.name = "plain_cnn", .num_classes = 5, .conv = conv_named(conv), .channels = {8, 16}});
  for (const char* activation : {"relu6", "hard_swish", "silu"})
    list.emplace_back(
        std::string("plain_cnn_") + activation,
        ModelConfig{.name = "plain_cnn", .num_classes = 5, .activation = activation, .channels = {8, 16}});
  return list;
}

struct Step {
  double loss = 0;
  std::map<std::string, Tensor> gradients, buffers;
};

// Forward and backward on a fixed batch of 6 images of 16×16.
Step one_step(Module& model, DType dtype) {
  const StepScope scope(0, 0);
  for (const Parameter& p : model.parameters()) Tensor(p.tensor).clear_grad();
  const Tensor x = random_tensor({6, 16, 16, 3}, 1, dtype);
  const Tensor loss = cross_entropy(model(x), Tensor::from<int64_t>({0, 1, 2, 3, 4, 0}, {6}));
  loss.backward();
  Step step{.loss = loss.item<double>(), .gradients = {}, .buffers = {}};
  for (const Parameter& p : model.parameters()) step.gradients[p.name] = p.tensor.grad();
  for (const Buffer& b : model.buffers()) step.buffers[b.name] = b.tensor.clone();
  return step;
}

// ---- sizes and names -----------------------------------------------------------------------------------------------

TEST(Models, HaveThePublishedParameterCounts) {
  const auto count = [](const ModelConfig& config) { return parameter_count(*build_model(config, 0)); };
  EXPECT_EQ(count({.name = "ghostnet", .num_classes = 1000}), 5182508);
  EXPECT_EQ(count({.name = "ghostnet", .num_classes = 1000, .width = 0.5}), 2587292);
  EXPECT_EQ(count({.name = "ghostnet", .num_classes = 1000, .width = 1.3}), 7358820);
  EXPECT_EQ(count({.name = "ghostnet", .num_classes = 10}), 3914318);
  EXPECT_EQ(count({.name = "ghostnet", .num_classes = 1000, .variant = "d_li14"}), 5180840);
  // official − squeeze-excite of 18 and 30 inner channels in place of 20 and 32 + batch norm in place of a bias
  EXPECT_EQ(count({.name = "ghostnet", .num_classes = 1000, .variant = "tensorflow"}), 5182508 - 290 - 482 + 1280);
  EXPECT_EQ(count({.name = "mini_group_net", .groups = 8}), 132170);
  EXPECT_EQ(count({.name = "mini_group_net", .groups = 4}), 155210);
  EXPECT_EQ(count({.name = "mini_group_net", .groups = 1}), 293450);
}

TEST(Models, PlainCnnCountsWhatItsChoiceMakes) {
  const auto count = [](const ConvChoice& conv) {
    return parameter_count(*build_model({.name = "plain_cnn", .conv = conv, .channels = {16, 32}}, 0));
  };
  const int64_t bn = 2 * (16 + 16 + 32 + 32), fc = 32 * 10 + 10;
  EXPECT_EQ(count({}), 9 * (3 * 16 + 16 * 16 + 16 * 32 + 32 * 32) + bn + fc);
  EXPECT_EQ(count({.name = "ghost"}), 9 * (3 * 8 + 16 * 8 + 16 * 16 + 32 * 16) + 9 * (8 + 8 + 16 + 16) + bn + fc);
  EXPECT_EQ(count({.name = "grouped", .groups = 4}), 9 * (3 * 16 + (16 * 16 + 16 * 32 + 32 * 32) / 4) + bn + fc);
  EXPECT_EQ(count({.name = "depthwise_separable"}),
            9 * (3 + 16 + 16 + 32) + 3 * 16 + 16 * 16 + 16 * 32 + 32 * 32 + bn + fc);
}

// An activation has no parameters, so weights can be exchanged; it is the one that stands after every batch norm.
TEST(Models, AnActivationChangesTheAnswerAndNoName) {
  // Scales of 5, so that values after batch norm reach 6.
  const auto answer = [x = random_tensor({2, 32, 32, 3}, 0)](Module& model) {
    for (const Parameter& p : model.parameters())
      if (p.tensor.rank() == 1 && p.name.ends_with("weight"))
        Tensor(p.tensor).copy_from(Tensor::full(p.tensor.shape(), 5));
    return model(x).to_vector<float>();
  };
  for (const ModelConfig& config : {ModelConfig{.name = "plain_cnn", .channels = {8, 16}},
                                    ModelConfig{.name = "mobilenet_v1", .width = 0.25, .stem_stride = 1}}) {
    const ModulePtr usual = build_model(config, 0);
    std::set<std::vector<float>> answers{answer(*usual)};
    for (const std::string& name : activation_names()) {
      if (name == "relu") continue;
      ModelConfig other = config;
      other.activation = name;
      const ModulePtr model = build_model(other, 0);
      EXPECT_EQ(entry_names(*model), entry_names(*usual)) << config.name << " " << name;
      EXPECT_TRUE(answers.insert(answer(*model)).second) << config.name << " " << name;
    }
    EXPECT_EQ(answers.size(), activation_table().size());
  }
}

TEST(GhostNet, HasTheOfficialNamesOrderAndShapes) {
  const auto file = test::shared_dir() / "reference/models/ghostnet_timm_names.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
  std::ifstream in(file);
  const auto json = nlohmann::ordered_json::parse(in);
  const ModulePtr model = build_model({.name = "ghostnet", .num_classes = 1000}, 0);
  const std::vector<NamedTensor> entries = state_dict(*model);
  ASSERT_EQ(entries.size(), 512u);
  ASSERT_EQ(json.at("shapes").size(), 512u);
  size_t i = 0;
  for (const auto& [name, shape] : json.at("shapes").items()) {
    EXPECT_EQ(entries[i].name, name);
    EXPECT_EQ(entries[i].tensor.shape(), Shape(shape.get<std::vector<int64_t>>())) << name;
    i++;
  }
}

TEST(GhostNet, EachVariantNamesItsOwnParts) {
  const auto names = [](const std::string& variant) {
    const auto list = entry_names(*build_model({.name = "ghostnet", .variant = variant}, 0));
    return std::set<std::string>(list.begin(), list.end());
  };
  const auto official = names("official"), tensorflow = names("tensorflow"), d_li14 = names("d_li14");
  EXPECT_EQ(official.size(), 512u);
  EXPECT_TRUE(official.count("conv_head.bias"));
  EXPECT_FALSE(tensorflow.count("conv_head.bias"));
  EXPECT_TRUE(tensorflow.count("bn_head.running_var"));
  for (const char* name :
       {"features.0.0.weight", "features.1.conv.0.primary_conv.0.weight", "features.2.conv.1.1.bias",
        "features.4.conv.2.fc.2.bias", "features.2.conv.3.cheap_operation.1.running_mean",
        "features.2.shortcut.0.0.weight", "features.2.shortcut.1.weight", "features.2.shortcut.2.weight",
        "squeeze.1.running_var", "classifier.0.weight", "classifier.1.weight", "classifier.4.bias"})
    EXPECT_TRUE(d_li14.count(name)) << name;
  EXPECT_FALSE(d_li14.count("classifier.0.bias"));
}

// ---- running -------------------------------------------------------------------------------------------------------

TEST(Models, TakeImagesOfAnySizeAndChannels) {
  const NoGrad no_grad;
  for (auto [name, config] : small_models()) {
    config.in_channels = 1;
    const ModulePtr model = build_model(config, 0);
    model->eval();
    for (const Shape& x : {Shape{2, 16, 16, 1}, Shape{1, 33, 20, 1}, Shape{3, 8, 8, 1}})
      EXPECT_EQ((*model)(random_tensor(x, 0)).shape(), Shape({x[0], 5})) << name;
    EXPECT_THAT(error_of([&] { (*model)(random_tensor({1, 16, 16, 3}, 0)); }), HasSubstr("(in ")) << name;
  }
}

TEST(Models, TheStemStrideHalvesTheImage) {
  const NoGrad no_grad;
  for (const int64_t stride : {1, 2}) {
    const ModulePtr model = build_model({.name = "ghostnet", .width = 0.25, .stem_stride = stride}, 0);
    Shape last;
    const ForwardObserver observer([&](Module& m, const Tensor&, const Tensor& y) {
      if (m.path() == "blocks.9") last = y.shape();
    });
    model->eval();
    (*model)(random_tensor({1, 32, 32, 3}, 0));
    EXPECT_EQ(last[1], stride == 1 ? 2 : 1);
  }
}

TEST(Models, EveryParameterReceivesAGradient) {
  for (const auto& [name, config] : small_models()) {
    const ModulePtr model = build_model(config, 0);
    const Step step = one_step(*model, DType::f32);
    EXPECT_TRUE(std::isfinite(step.loss)) << name;
    for (const Parameter& p : model->parameters()) {
      const Tensor& g = step.gradients.at(p.name);
      ASSERT_TRUE(g.defined()) << name << ' ' << p.name;
      ASSERT_EQ(g.shape(), p.tensor.shape()) << name << ' ' << p.name;
      const double size = test::largest_magnitude(g);
      EXPECT_TRUE(std::isfinite(size)) << name << ' ' << p.name;
      // A shift in front of a batch norm has no effect, so gradients of biases may vanish; those of weights may not.
      if (p.tensor.rank() >= 2) {
        EXPECT_GT(size, 0) << name << ' ' << p.name;
      }
    }
  }
}

TEST(Models, TheLossFallsInAFewStepsOfSgd) {
  for (const auto& [name, config] : small_models()) {
    const ModulePtr model = build_model(config, 0);
    const double first = one_step(*model, DType::f32).loss;
    double last = first;
    for (int i = 0; i < 12; i++) {
      for (Parameter& p : model->parameters()) {
        const auto g = p.tensor.grad().to_vector<float>();
        auto* w = p.tensor.mutable_data<float>();
        for (size_t k = 0; k < g.size(); k++) w[k] -= 0.1F * g[k];
      }
      last = one_step(*model, DType::f32).loss;
    }
    EXPECT_LT(last, 0.9 * first) << name;
  }
}

// The definition of folding: on and off agree to rounding, in losses, gradients and running statistics.
TEST(Models, FoldingChangesNothingButRounding) {
  for (const auto& [name, config] : small_models()) {
    const bool before = folding();
    std::vector<Step> steps;
    for (const bool on : {true, false}) {
      set_folding(on);
      const ModulePtr model = build_model(config, 0);
      model->to(DType::f64);
      steps.push_back(one_step(*model, DType::f64));
    }
    set_folding(before);
    EXPECT_NEAR(steps[0].loss, steps[1].loss, 1e-11) << name;
    double scale = 0;
    for (const auto& [parameter, g] : steps[1].gradients) scale = std::max(scale, test::largest_magnitude(g));
    for (const auto& [parameter, g] : steps[1].gradients)
      EXPECT_LT(test::largest_difference(steps[0].gradients.at(parameter), g), 1e-10 * scale)
          << name << ' ' << parameter;
    for (const auto& [buffer, v] : steps[1].buffers)
      EXPECT_LT(test::largest_difference(steps[0].buffers.at(buffer), v), 1e-11) << name << ' ' << buffer;
  }
}

TEST(Models, AStepLeavesNoNodeBehind) {
  const int64_t before = live_nodes();
  for (const auto& [name, config] : small_models()) {
    const ModulePtr model = build_model(config, 0);
    const int64_t leaves = live_nodes();
    EXPECT_EQ(leaves - before, static_cast<int64_t>(model->parameters().size())) << name;
    one_step(*model, DType::f32);
    EXPECT_EQ(live_nodes(), leaves) << name;
  }
  EXPECT_EQ(live_nodes(), before);
}

TEST(Models, EvaluationUsesNoRandomNumbersAndNoBatch) {
  for (const auto& [name, config] : small_models()) {
    const ModulePtr model = build_model(config, 0);
    one_step(*model, DType::f32);
    model->eval();
    const NoGrad no_grad;
    const Tensor x = random_tensor({3, 16, 16, 3}, 4);
    const auto all = (*model)(x).to_vector<double>(), first = (*model)(slice(x, {{.stop = 1}})).to_vector<double>();
    for (size_t i = 0; i < first.size(); i++) EXPECT_NEAR(first[i], all[i], 1e-5 * (1 + std::abs(all[i]))) << name;
  }
}

// ---- operators -----------------------------------------------------------------------------------------------------

// Names of the operators on the tape that ends in `result`; with only_last, of the last one alone.
std::set<std::string> operators_of(const Tensor& result, bool only_last = false) {
  std::set<std::string> names;
  std::vector<const Node*> stack{result.node().get()};
  std::set<const Node*> seen;
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    if (!node || !seen.insert(node).second) continue;
    if (!node->is_leaf()) names.insert(node->name());
    if (only_last) break;
    for (const NodePtr& in : node->inputs()) stack.push_back(in.get());
  }
  return names;
}

TEST(Models, UseOnlyOperatorsThatHaveCases) {
  std::set<std::string> tested;
  for (const test::OpUnit& unit : test::op_units())
    for (const OpCase& c : unit.cases()) {
      std::vector<Tensor> inputs;
      for (const Shape& shape : c.inputs) inputs.push_back(Tensor::full(shape, 0.75, DType::f64).set_requires_grad());
      tested.merge(operators_of(c.run(inputs), true));
    }
  auto models = small_models();
  for (const ModelEntry& entry : model_table()) models.emplace_back(entry.name, ModelConfig{.name = entry.name});
  for (const auto& [name, config] : models) {
    const StepScope scope(0, 0);
    const Tensor logits = (*build_model(config, 0))(random_tensor({2, 32, 32, 3}, 0));
    const std::set<std::string> used = operators_of(cross_entropy(logits, Tensor::from<int64_t>({0, 1}, {2})));
    EXPECT_TRUE(used.count("conv2d") && used.count("batch_norm") && used.count("cross_entropy")) << name;
    for (const std::string& op : used)
      EXPECT_TRUE(tested.count(op)) << name << " uses " << op << ", which has no cases";
  }
}

// ---- registry ------------------------------------------------------------------------------------------------------

TEST(Registry, InitialValuesAreAFunctionOfTheSeed) {
  const auto values = [](const ModelConfig& config, uint64_t seed) {
    std::vector<std::vector<float>> all;
    for (const Parameter& p : build_model(config, seed)->parameters()) all.push_back(p.tensor.to_vector<float>());
    return all;
  };
  const ModelConfig config{.name = "mini_group_net"},
      normal{.name = "mini_group_net", .init = "kaiming_normal_fan_out"};
  EXPECT_EQ(values(config, 3), values(config, 3));
  EXPECT_NE(values(config, 3), values(config, 4));
  EXPECT_NE(values(config, 3), values(normal, 3));
  EXPECT_EQ(values(normal, 3), values(normal, 3));
}

TEST(Registry, RefusesWhatItDoesNotKnowWithTheNearest) {
  const auto message = [](const ModelConfig& config) {
    EXPECT_THROW(build_model(config, 0), UsageError);
    return error_of([&] { build_model(config, 0); });
  };
  EXPECT_THAT(message({.name = "ghost_net"}), AllOf(StartsWith("model.name is 'ghost_net', but must be ghostnet, "),
                                                    HasSubstr("plain_cnn"), EndsWith("; did you mean 'ghostnet'?")));
  EXPECT_EQ(message({.name = "ghostnet", .variant = "oficial"}),
            "model.variant is 'oficial', but must be official, tensorflow or d_li14; did you mean 'official'?");
  EXPECT_THAT(message({.name = "ghostnet", .init = "kaiming"}), HasSubstr("kaiming_normal_fan_out"));
  EXPECT_THAT(message({.name = "ghostnet", .num_classes = 0}), HasSubstr("model.num_classes is 0"));
  EXPECT_THAT(message({.name = "ghostnet", .in_channels = -1}), HasSubstr("model.in_channels is -1"));
  EXPECT_THAT(message({.name = "ghostnet", .width = 0}), HasSubstr("model.width is 0"));
  EXPECT_THAT(message({.name = "ghostnet", .width = std::nan("")}), HasSubstr("model.width is nan"));
  EXPECT_THAT(message({.name = "ghostnet", .dropout = 1}), HasSubstr("model.dropout is 1"));
  EXPECT_THAT(message({.name = "ghostnet", .stem_stride = 0}), HasSubstr("model.stem_stride is 0"));
  EXPECT_EQ(message({.name = "mini_group_net", .groups = 7}),
            "GroupedBottleneck: hidden=64 (out=128 at bottleneck_ratio=0.5) is not divisible by groups=7; nearest "
            "valid: groups=4 or 8, or hidden=63 or 70 (in stage1)");
  EXPECT_THAT(
      message({.name = "plain_cnn", .activation = "rellu"}),
      AllOf(StartsWith("model.activation is 'rellu', but must be none, relu, "), EndsWith("did you mean 'relu'?")));
  EXPECT_THAT(message({.name = "plain_cnn", .channels = {}}), HasSubstr("channels is empty"));
  EXPECT_EQ(
      message({.name = "plain_cnn", .conv = conv_named("ghost_conv"), .channels = {32, 33}}),
      "GhostConv: out=33 at ratio=2 gives 16 intrinsic and 17 ghost channels, but the ghosts must be a multiple of "
      "16; nearest valid: out=32 or 34 at ratio=2, or ratio=1 or 3 at out=33 (in stages.1.0)");
}

TEST(Registry, EveryLineBuildsAndNamesItsOptions) {
  for (const ModelEntry& entry : model_table()) {
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
    const ModulePtr model = build_model({.name = entry.name}, 0);
    EXPECT_GT(parameter_count(*model), 0) << entry.name;
  }
}

}  // namespace
}  // namespace ghost
