#include "nn/layers/conv_choice.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/layers/conv2d.h"
#include "support/modules.h"

namespace ghost {
namespace {

using test::error_of;
using test::output_shape;
using test::parameter_count;
using test::random_tensor;

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
            "model.conv.name: 'gohst' is not one of standard, ghost_conv, ghost, depthwise_separable or grouped; did "
            "you mean 'ghost'?");
  EXPECT_EQ(error_of([] { make_conv_block({.in = 4, .out = 4}, {.name = "ghost", .ratio = 2.5}); }),
            "GhostModule: ratio=2.5, but must be a whole number of at least 1; nearest valid: 2 or 3");
  EXPECT_THROW(make_conv_block({.in = 4, .out = 4}, {.name = "ghost", .ratio = std::nan("")}), UsageError);
}

}  // namespace
}  // namespace ghost
