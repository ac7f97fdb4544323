#include "nn/layers/conv_choice.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/layers/conv_unit.h"
#include "nn/models/registry.h"
#include "support/modules.h"

namespace ghost {
namespace {

using test::error_of;
using test::output_shape;
using test::parameter_count;
using test::random_tensor;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

TEST(ConvChoice, EveryKindKeepsKernelStridePaddingAndDilation) {
  const ConvBlock block{
      .in = 8, .out = 12, .kernel = {3, 5}, .stride = {2, 1}, .padding = Size2(1, 4), .dilation = {1, 2}};
  const Conv2d standard(
      {.in = 8, .out = 12, .kernel = {3, 5}, .stride = {2, 1}, .padding = {1, 4}, .dilation = {1, 2}});
  const Shape x{2, 9, 10, 8};
  for (const std::string& name : conv_choice_names()) {
    const ModulePtr module = make_conv_block(block, {.name = name});
    EXPECT_EQ(output_shape(*module, x), standard.output_shape(x)) << name;
  }
}

TEST(ConvChoice, BuildsTheLayerItNames) {
  const ConvBlock block{.in = 32, .out = 64, .kernel = 1, .padding = 0};
  const auto count = [&](const ConvChoice& choice) { return parameter_count(*make_conv_block(block, choice)); };
  EXPECT_EQ(count({}), 2048 + 128);
  EXPECT_EQ(count({.name = "ghost_conv"}), 1440);
  EXPECT_EQ(count({.name = "ghost_conv", .ratio = 4}), 1072);
  EXPECT_EQ(count({.name = "ghost", .ratio = 3}), 1232);
  EXPECT_EQ(count({.name = "ghost", .cheap_kernel = 5}), 32 * 32 + 32 * 25 + 128);
  EXPECT_EQ(count({.name = "ghost", .cheap_op = "haar"}), 32 * 32 + 32 * 4 + 128);
  EXPECT_EQ(count({.name = "ghost_conv", .cheap_op = "shift"}), 32 * 32 + 128);
  EXPECT_EQ(count({.name = "depthwise_separable"}), 32 + 2048 + 128);
  EXPECT_EQ(count({.name = "grouped", .groups = 8}), 2048 / 8 + 128);
  EXPECT_STREQ(make_conv_block(block, {.name = "ghost"})->kind(), "GhostModule");
}

// Every kind with every activation: values lie where the activation puts them, and are those of the same weights
// without activation, activated.
TEST(ConvChoice, EveryKindAppliesTheActivation) {
  const Tensor x = random_tensor({2, 4, 4, 8}, 1);
  for (const std::string& name : conv_choice_names()) {
    const auto result = [&](Activation activation) {
      const ModulePtr module = make_conv_block({.in = 8, .out = 8, .activation = activation}, {.name = name});
      module->initialise(0);
      return (*module)(x);
    };
    const Tensor plain = result(Activation::none);
    const auto before = plain.to_vector<float>();
    EXPECT_LT(*std::min_element(before.begin(), before.end()), 0) << name;
    for (const ActivationEntry& entry : activation_table()) {
      const auto after = result(entry.value).to_vector<float>(),
                 expected = activate(plain, entry.value).to_vector<float>();
      // Ghosts are made of activated maps, so only the intrinsic half of such layers is comparable.
      const bool ghosts = name == "ghost" || name == "ghost_conv";
      for (size_t i = 0; i < after.size(); i++) {
        if (ghosts && i % 8 >= 4) continue;
        ASSERT_EQ(after[i], expected[i]) << name << " " << entry.name << " " << i;
      }
      if (entry.value != Activation::relu6) continue;
      for (const float v : after) ASSERT_TRUE(v >= 0 && v <= 6) << name;
    }
  }
}

TEST(ConvChoice, ABlockWithGroupsOfItsOwnStaysAsItIs) {
  const ConvBlock depthwise{.in = 8, .out = 8, .groups = 8};
  for (const std::string& name : conv_choice_names())
    EXPECT_EQ(parameter_count(*make_conv_block(depthwise, {.name = name})), 8 * 9 + 16) << name;
}

// The three ways in which published models name the parts of a block, with an ordinary convolution and with another.
TEST(ConvUnit, PutsItsPartsUnderTheNamesItIsGiven) {
  class Members final : public Module {
   public:
    explicit Members(const ConvChoice& choice)
        : first_(this, {"conv1", "bn1", "act1"}, {.in = 3, .out = 4}, choice),
          second_(this, {"conv2", "bn2"}, {.in = 4, .out = 4}, choice),
          third_(this, "block", {.in = 4, .out = 4}, choice) {}
    const char* kind() const override { return "Members"; }

   protected:
    Tensor forward(const Tensor& x) override { return third_(second_(first_(x))); }

   private:
    ConvUnit first_, second_, third_;
  };
  class Places final : public Module {
   public:
    explicit Places(const ConvChoice& choice) : features_(this, "features") {
      add_conv_places(*features_, {.in = 3, .out = 4}, choice);
      add_conv_places(*features_, {.in = 4, .out = 4, .activation = Activation::none}, choice);
      add_conv_places(*features_, {.in = 4, .out = 4}, choice);
    }
    const char* kind() const override { return "Places"; }

   protected:
    Tensor forward(const Tensor& x) override { return features_(x); }

   private:
    Child<Sequential> features_;
  };
  const auto paths = [](Module&& module) {
    std::vector<std::string> names;
    for (const auto& [path, part] : module.modules())
      if (part->children().empty()) names.push_back(path + ":" + part->kind());
    EXPECT_EQ(output_shape(module, {1, 5, 5, 3}), Shape({1, 5, 5, 4}));
    for (const auto& [path, part] : module.modules()) EXPECT_EQ(part->path(), path);
    return names;
  };
  EXPECT_THAT(paths(Members({})),
              ElementsAre("conv1:Conv2d", "bn1:BatchNorm2d", "act1:ReLU", "conv2:Conv2d", "bn2:BatchNorm2d",
                          "block.0:Conv2d", "block.1:BatchNorm2d", "block.2:ReLU"));
  EXPECT_THAT(paths(Places({})),
              ElementsAre("features.0:Conv2d", "features.1:BatchNorm2d", "features.2:ReLU", "features.3:Conv2d",
                          "features.4:BatchNorm2d", "features.5:Conv2d", "features.6:BatchNorm2d", "features.7:ReLU"));
  const ConvChoice separable{.name = "depthwise_separable"};
  EXPECT_THAT(paths(Members(separable)), ElementsAre("conv1.dw:Conv2d", "conv1.pw:Conv2d", "conv1.bn:BatchNorm2d",
                                                     "conv2.dw:Conv2d", "conv2.pw:Conv2d", "conv2.bn:BatchNorm2d",
                                                     "block.dw:Conv2d", "block.pw:Conv2d", "block.bn:BatchNorm2d"));
  EXPECT_THAT(paths(Places(separable)),
              ElementsAre("features.0.dw:Conv2d", "features.0.pw:Conv2d", "features.0.bn:BatchNorm2d",
                          "features.3.dw:Conv2d", "features.3.pw:Conv2d", "features.3.bn:BatchNorm2d",
                          "features.5.dw:Conv2d", "features.5.pw:Conv2d", "features.5.bn:BatchNorm2d"));
}

TEST(ConvChoice, TheFirstConvolutionMayStayStandard) {
  const ConvBlock first{.in = 3, .out = 16, .first = true};
  EXPECT_STREQ(make_conv_block(first, {.name = "ghost", .keep_first = true})->kind(), "ConvBnAct");
  EXPECT_STREQ(make_conv_block(first, {.name = "ghost"})->kind(), "GhostModule");
  EXPECT_EQ(parameter_count(*make_conv_block(first, {.name = "grouped"})), 3 * 16 * 9 + 32);
  EXPECT_STREQ(make_conv_block({.in = 4, .out = 16}, {.name = "ghost", .keep_first = true})->kind(), "GhostModule");
}

TEST(ConvChoice, RefusesUnknownNamesAndRatiosWithTheNearest) {
  EXPECT_EQ(error_of([] { make_conv_block({.in = 4, .out = 4}, {.name = "gohst"}); }),
            "model.conv.name is 'gohst', but must be standard, ghost_conv, ghost, depthwise_separable or grouped; did "
            "you mean 'ghost'?");
  EXPECT_EQ(error_of([] { make_conv_block({.in = 4, .out = 4}, {.name = "ghost", .ratio = 2.5}); }),
            "GhostModule: ratio=2.5, but must be a whole number of at least 1; nearest valid: 2 or 3");
  EXPECT_THROW(make_conv_block({.in = 4, .out = 4}, {.name = "ghost", .ratio = std::nan("")}), UsageError);
}

// Every model that takes a choice, with options that do not fit it.
TEST(ConvChoice, AModelThatCannotBeBuiltNamesThePlaceAndTheNearestValues) {
  ConvChoice grouped, ghost_conv, even;
  grouped.name = "grouped", grouped.groups = 3;
  ghost_conv.name = "ghost_conv", ghost_conv.ratio = 3;
  even.name = "ghost", even.cheap_kernel = 4;
  struct Row {
    std::string model, grouped, first;  // places where `grouped` and the others fail
  };
  const Row rows[] = {{"vgg", "out=64; nearest valid: groups=2 or 4 (in features.3)", "(in features.0)"},
                      {"resnet", "out=16; nearest valid: groups=2 or 4 (in layer1.0.conv1)", "(in conv1)"},
                      {"resnext", "out=512; nearest valid: groups=2 or 4 (in layer1.0.conv1)", "(in conv1)"},
                      {"mobilenet_v1", "out=64; nearest valid: groups=2 or 4 (in blocks.0.conv_pw)", "(in conv_stem)"},
                      {"mini_group_net", "out=64; nearest valid: groups=2 or 4 (in stage1.reduce)", "(in stem)"},
                      {"plain_cnn", "out=32; nearest valid: groups=2 or 4 (in stages.0.1)", "(in stages.0.0)"}};
  for (const Row& row : rows) {
    ModelConfig config{.name = row.model};
    const auto message = [&](const ConvChoice& conv) {
      config.conv = conv;
      return error_of([&] { build_model(config, 0); });
    };
    EXPECT_THAT(message(grouped), EndsWith(row.grouped)) << row.model;
    EXPECT_THAT(message(ghost_conv), AllOf(HasSubstr("or ratio="), EndsWith(row.first))) << row.model;
    EXPECT_THAT(message(even), EndsWith("nearest valid: 3 or 5 " + row.first)) << row.model;
  }
}

}  // namespace
}  // namespace ghost
