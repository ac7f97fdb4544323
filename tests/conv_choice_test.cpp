#include "nn/layers/conv_choice.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/layers/conv2d.h"
#include "nn/models/registry.h"
#include "support/modules.h"

namespace ghost {
namespace {

using test::error_of;
using test::output_shape;
using test::parameter_count;
using test::random_tensor;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

TEST(ConvChoice, EveryKindKeepsKernelStridePaddingAndDilation) {
  const ConvBlock block{.in = 8, .out = 12, .kernel = {3, 5}, .stride = {2, 1}, .padding = {1, 4}, .dilation = {1, 2}};
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

TEST(ConvChoice, TheReLUIsAnOption) {
  const Tensor x = random_tensor({2, 4, 4, 8}, 1);
  for (const std::string& name : conv_choice_names())
    for (const bool with_relu : {true, false}) {
      const ModulePtr module = make_conv_block({.in = 8, .out = 8, .relu = with_relu}, {.name = name});
      module->initialise(0);
      double least = 0;
      for (const double v : (*module)(x).to_vector<double>()) least = std::min(least, v);
      EXPECT_EQ(least < 0, !with_relu) << name;
    }
}

TEST(ConvChoice, TheFirstConvolutionMayStayStandard) {
  const ConvBlock first{.in = 3, .out = 16, .first = true};
  EXPECT_STREQ(make_conv_block(first, {.name = "ghost", .keep_first = true})->kind(), "ConvBn");
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
