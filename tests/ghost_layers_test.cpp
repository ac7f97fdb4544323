#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "nn/layers/ghost_bottleneck.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"
#include "nn/layers/squeeze_excite.h"
#include "support/modules.h"

namespace ghost {
namespace {

using test::entry_names;
using test::error_of;
using test::output_shape;
using test::parameter_count;
using test::random_tensor;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(GhostConv, HasThePublishedSizes) {
  EXPECT_EQ(parameter_count(GhostConv({.in = 32, .out = 64})), 1440);
  EXPECT_EQ(parameter_count(Conv2d({.in = 32, .out = 64, .bias = false})), 2048);
  EXPECT_EQ(parameter_count(GhostConv({.in = 32, .out = 64, .ratio = 1})), 2176);
  EXPECT_EQ(parameter_count(GhostConv({.in = 32, .out = 63, .ratio = 3})), 1176);
  EXPECT_EQ(parameter_count(GhostConv({.in = 32, .out = 64, .ratio = 4})), 1072);
}

TEST(GhostConv, NamesFollowTheSource) {
  GhostConv layer({.in = 8, .out = 16});
  EXPECT_THAT(entry_names(layer), ElementsAre("primary_conv.0.weight", "primary_conv.1.weight", "primary_conv.1.bias",
                                              "primary_conv.1.running_mean", "primary_conv.1.running_var",
                                              "primary_conv.1.num_batches_tracked", "cheap_conv.0.weight",
                                              "cheap_conv.1.weight", "cheap_conv.1.bias", "cheap_conv.1.running_mean",
                                              "cheap_conv.1.running_var", "cheap_conv.1.num_batches_tracked"));
  GhostConv alone({.in = 8, .out = 16, .ratio = 1});
  EXPECT_EQ(entry_names(alone).size(), 6u);
}

TEST(GhostConv, RoundsHalfToEven) {
  const GhostConv layer({.in = 4, .out = 10, .ratio = 4});
  EXPECT_EQ(layer.intrinsic(), 2);
  EXPECT_EQ(layer.ghosts(), 8);
}

TEST(GhostConv, RefusesWhatDoesNotAlignAndNamesTheNearest) {
  EXPECT_EQ(error_of([] { GhostConv g({.in = 32, .out = 64, .ratio = 3}); }),
            "GhostConv: out=64 at ratio=3 gives 21 intrinsic and 43 ghost channels, but the ghosts must be a multiple "
            "of 21; nearest valid: out=63 or 66 at ratio=3, or ratio=2 or 4 at out=64");
  EXPECT_EQ(
      error_of([] { GhostConv g({.in = 32, .out = 64, .ratio = 1.5}); }),
      "GhostConv: out=64 at ratio=1.5 gives 43 intrinsic and 21 ghost channels, but the ghosts must be a multiple "
      "of 43; nearest valid: out=2 at ratio=1.5, or ratio=1 or 2 at out=64");
  EXPECT_EQ(error_of([] { GhostConv g({.in = 32, .out = 1, .ratio = 2}); }),
            "GhostConv: out=1 at ratio=2 gives 0 intrinsic and 1 ghost channels, but the ghosts must be made from at "
            "least 1; nearest valid: out=2 at ratio=2, or ratio=1 at out=1");
  for (const int64_t odd : {3, 5, 7, 33, 65, 127}) EXPECT_THROW(GhostConv({.in = 8, .out = odd}), UsageError) << odd;
  EXPECT_EQ(error_of([] { GhostConv g({.in = 32, .out = 64, .cheap_kernel = 4}); }),
            "GhostConv: cheap_kernel=4 is even, so its maps would not align with the primary ones; nearest valid: 3 or "
            "5");
  for (const double bad : {0.5, 0.0, -2.0, std::nan(""), HUGE_VAL})
    EXPECT_THAT(error_of([&] { GhostConv g({.in = 32, .out = 64, .ratio = bad}); }), HasSubstr("at least 1")) << bad;
  EXPECT_THROW(GhostConv({.in = 32, .out = 64, .ratio = 1e300}), UsageError);
}

TEST(GhostConv, WhatAMessageSuggestsIsValid) {
  for (int64_t out = 1; out <= 70; out++)
    for (const double ratio : {1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0}) {
      if (GhostConv::valid(out, ratio)) {
        EXPECT_NO_THROW(GhostConv({.in = 2, .out = out, .ratio = ratio}));
        continue;
      }
      const std::string message = error_of([&] { GhostConv g({.in = 2, .out = out, .ratio = ratio}); });
      std::string tail = message.substr(message.find("nearest valid: "));
      const auto number_after = [&](const std::string& key) {
        return std::stod(tail.substr(tail.rfind(key) + key.size()));
      };
      EXPECT_TRUE(GhostConv::valid(out, number_after("ratio="))) << message;
      if (tail.find("out=") != tail.rfind("out=")) {
        EXPECT_TRUE(GhostConv::valid(std::stoll(tail.substr(tail.find("out=") + 4)), ratio)) << message;
      }
    }
}

TEST(GhostModule, HasThePublishedSizes) {
  EXPECT_EQ(parameter_count(GhostModule({.in = 32, .out = 65})), 1485);
  EXPECT_EQ(parameter_count(GhostModule({.in = 32, .out = 64, .ratio = 3})), 1232);
  EXPECT_EQ(parameter_count(GhostModule({.in = 32, .out = 7, .ratio = 4})), 134);
  EXPECT_EQ(parameter_count(GhostModule({.in = 32, .out = 64})), 1440);
}

TEST(GhostModule, MakesAnyWidth) {
  for (const int64_t ratio : {1, 2, 3, 4, 5})
    for (const int64_t out : {1, 2, 7, 16, 17}) {
      GhostModule layer({.in = 3, .out = out, .kernel = 3, .ratio = ratio, .cheap_kernel = 5, .stride = 2});
      EXPECT_EQ(output_shape(layer, {2, 7, 6, 3}), Shape({2, 4, 3, out})) << out << " at " << ratio;
      EXPECT_EQ(layer.intrinsic(), (out + ratio - 1) / ratio);
      EXPECT_EQ(layer.ghosts(), layer.intrinsic() * (ratio - 1));
      EXPECT_EQ(layer.out(), out);
      EXPECT_EQ(layer.dead(), layer.intrinsic() * ratio - out);
    }
  EXPECT_THAT(error_of([] { GhostModule g({.in = 3, .out = 4, .ratio = 0}); }), HasSubstr("ratio=0"));
  EXPECT_THAT(error_of([] { GhostModule g({.in = 3, .out = 4, .cheap_kernel = 2}); }), HasSubstr("1 or 3"));
}

TEST(GhostModule, IntrinsicMapsComeFirstAndGhostsFollowTheirMap) {
  GhostModule layer({.in = 3, .out = 12, .ratio = 3, .activation = Activation::none});  // 4 intrinsic, 8 ghosts
  layer.initialise(0);
  layer.eval();
  // A ghost filter that doubles its map: y = [m0, m1, m2, m3, 2·m0, 2·m0, 2·m1, 2·m1, …] up to batch norm's eps.
  Tensor cheap = layer.parameters()[3].tensor;
  ASSERT_EQ(cheap.shape(), Shape({8, 3, 3, 1}));
  float* w = cheap.mutable_data<float>();
  for (int64_t i = 0; i < cheap.numel(); i++) w[i] = i % 9 == 4 ? 2 : 0;
  const Tensor y = layer(random_tensor({2, 3, 3, 3}, 1));
  const float* v = y.data<float>();
  for (int64_t p = 0; p < 18; p++)
    for (int64_t j = 0; j < 8; j++) EXPECT_NEAR(v[p * 12 + 4 + j], 2 * v[p * 12 + j / 2], 1e-4);
}

TEST(GhostModule, CutChannelsOwnParametersWithZeroGradient) {
  GhostModule layer({.in = 4, .out = 7, .ratio = 4});  // 2 + 6 made, 1 cut
  layer.initialise(0);
  const Tensor y = layer(random_tensor({3, 5, 5, 4}, 0));
  sum(y * random_tensor(y.shape(), 1)).backward();
  for (const Parameter& p : layer.parameters()) {
    if (p.name.rfind("cheap_operation", 0) != 0) continue;
    const auto g = p.tensor.grad().to_vector<float>();
    const size_t per_channel = g.size() / 6;
    for (size_t i = 5 * per_channel; i < g.size(); i++) EXPECT_EQ(g[i], 0) << p.name;
    EXPECT_GT(test::largest_magnitude(p.tensor.grad()), 0) << p.name;
  }
}

TEST(GhostModule, TheResultIsBothBranchesAsTheyLie) {
  if (!folding()) GTEST_SKIP() << "with folding off a concatenation is finished in memory of its own";
  for (const int64_t ratio : {2, 3}) {
    GhostModule layer({.in = 8, .out = 12, .ratio = ratio});
    layer.initialise(0);
    std::vector<Tensor> branches;
    const ForwardObserver observer([&](Module& m, const Tensor&, const Tensor& y) {
      if (m.path() == "primary_conv" || m.path() == "cheap_operation") branches.push_back(y);
    });
    const Tensor y = layer(random_tensor({2, 4, 4, 8}, 0));
    ASSERT_EQ(branches.size(), 2u);
    ASSERT_TRUE(y.body()->raw.in_parts());
    for (size_t i = 0; i < 2; i++) EXPECT_EQ((*y.body()->raw.parts)[i].storage, branches[i].body()->raw.storage);
  }
}

TEST(SqueezeExcite, InnerChannelsAreRoundedToMultiplesOfFour) {
  // 72/4 = 18 → 20; 10/4 = 2.5 → 4
  EXPECT_EQ(parameter_count(SqueezeExcite({.channels = 72})), 72 * 20 + 20 + 20 * 72 + 72);
  EXPECT_EQ(parameter_count(SqueezeExcite({.channels = 10})), 10 * 4 + 4 + 4 * 10 + 10);
  EXPECT_EQ(parameter_count(SqueezeExcite({.channels = 72, .divisor = 1})), 72 * 18 + 18 + 18 * 72 + 72);
}

TEST(SqueezeExcite, GatesDiffer) {
  const Tensor v = Tensor::from<float>({-4, -1, 0, 0.5, 2, 4}, {1, 1, 1, 6});
  const auto hard = activate(v, Activation::hard_sigmoid).to_vector<double>();
  const auto clip = activate(v, Activation::clip).to_vector<double>();
  const std::vector<double> hard_expected{0, 2.0 / 6, 3.0 / 6, 3.5 / 6, 5.0 / 6, 1}, clip_expected{0, 0, 0, 0.5, 1, 1};
  for (size_t i = 0; i < hard.size(); i++) {
    EXPECT_NEAR(hard[i], hard_expected[i], 1e-6);
    EXPECT_EQ(clip[i], clip_expected[i]);
  }
}

TEST(GhostBottleneck, ShortcutAppearsWhenStrideOrChannelsChange) {
  const auto has = [](const GhostBottleneck::Options& o, const std::string& part) {
    GhostBottleneck block(o);
    for (const auto& [path, module] : block.modules())
      if (path == part) return true;
    return false;
  };
  const GhostBottleneck::Options same{.in = 16, .mid = 16, .out = 16}, wider{.in = 16, .mid = 48, .out = 24},
      half{.in = 16, .mid = 48, .out = 16, .stride = 2},
      se{.in = 40, .mid = 120, .out = 40, .kernel = 5, .se_ratio = 0.25};
  EXPECT_FALSE(has(same, "shortcut"));
  EXPECT_FALSE(has(same, "conv_dw"));
  EXPECT_FALSE(has(same, "se"));
  EXPECT_TRUE(has(wider, "shortcut.3"));
  EXPECT_FALSE(has(wider, "conv_dw"));
  EXPECT_TRUE(has(half, "shortcut.3"));
  EXPECT_TRUE(has(half, "bn_dw"));
  EXPECT_TRUE(has(se, "se.conv_reduce"));
  GhostBottleneck block(half);
  EXPECT_EQ(output_shape(block, {2, 9, 8, 16}), Shape({2, 5, 4, 16}));
  EXPECT_THAT(error_of([] { GhostBottleneck b({.in = 4, .mid = 8, .out = 4, .kernel = 4}); }), HasSubstr("3 or 5"));
}

}  // namespace
}  // namespace ghost
