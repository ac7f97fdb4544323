// What layers and networks cost: parameters, multiply-accumulates and memory, to the number.
#include "nn/cost.h"

#include <gmock/gmock.h>

#include "nn/layers/depthwise_separable.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"
#include "nn/layers/grouped_bottleneck.h"
#include "nn/memory_profile.h"
#include "nn/models/registry.h"
#include "support/modules.h"
#include "train/loop/model_info.h"

namespace ghost {
namespace {

using test::error_of;
using test::random_tensor;
using testing::ElementsAre;
using testing::HasSubstr;

LayerCost cost(Module& module, const Shape& x) {
  module.initialise(0);
  return measure_cost(module, Tensor::zeros(x)).model();
}
template <class Layer>
LayerCost cost(const typename Layer::Options& options, const Shape& x) {
  Layer layer(options);
  return cost(layer, x);
}

TEST(Cost, GhostConvHasTheParametersOfTheTextbook) {
  const Shape x{1, 8, 8, 32};
  const LayerCost layer = cost<GhostConv>({.in = 32, .out = 64}, x);
  EXPECT_EQ(layer.parameters.all, 1440);
  EXPECT_EQ(layer.parameters.norm, 2 * 64);
  EXPECT_EQ(layer.macs, 64 * (32 * 32 + 9 * 32));
  EXPECT_EQ(layer.output, (Shape{1, 8, 8, 64}));
  EXPECT_EQ(cost<GhostConv>({.in = 32, .out = 64, .ratio = 1}, x).parameters.all, 2176);
  EXPECT_EQ(cost<GhostConv>({.in = 32, .out = 63, .ratio = 3}, x).parameters.all, 1176);
  EXPECT_EQ(cost<GhostConv>({.in = 32, .out = 64, .ratio = 4}, x).parameters.all, 1072);
}

// A ghost layer has batch norms, a bare convolution has none: 2048/1440 compares unlike things.
TEST(Cost, ComparesGhostWithConvolutionFairly) {
  const Shape x{1, 8, 8, 32};
  const ParameterCount bare = cost<Conv2d>({.in = 32, .out = 64, .bias = false}, x).parameters;
  ConvBnAct conv_bn({.in = 32, .out = 64, .kernel = 1});
  const ParameterCount standard = cost(conv_bn, x).parameters;
  const ParameterCount ghost = cost<GhostConv>({.in = 32, .out = 64}, x).parameters;
  EXPECT_EQ(bare.all, 2048);
  EXPECT_EQ(standard.convolution(), 2048);
  EXPECT_EQ(ghost.convolution(), 1312);
  const auto ratio = [](int64_t a, int64_t b) {
    return fmt::format("{:.3f}", static_cast<double>(a) / static_cast<double>(b));
  };
  EXPECT_EQ(ratio(standard.convolution(), ghost.convolution()), "1.561");
  EXPECT_EQ(ratio(standard.all, ghost.all), "1.511");
}

TEST(Cost, GhostModulesOwnWhatIsCutOff) {
  const Shape x{1, 8, 8, 32};
  const auto expect = [&](int64_t out, int64_t ratio, int64_t parameters, int64_t dead) {
    const LayerCost layer = cost<GhostModule>({.in = 32, .out = out, .ratio = ratio}, x);
    EXPECT_EQ(layer.parameters.all, parameters) << out << " at ratio " << ratio;
    EXPECT_EQ(layer.dead_channels, dead) << out << " at ratio " << ratio;
    EXPECT_EQ(layer.dead_parameters, dead * (9 + 2)) << out << " at ratio " << ratio;
    EXPECT_EQ(layer.output.channels(), out);
  };
  expect(65, 2, 1485, 1);
  expect(64, 3, 1232, 2);
  expect(7, 4, 134, 1);
  expect(64, 2, 1440, 0);
}

TEST(Cost, DeadParametersAreThoseWithoutGradient) {
  GhostModule ghost({.in = 8, .out = 10, .ratio = 4, .cheap_kernel = 5, .activation = Activation::none});
  ghost.initialise(1);
  const Tensor y = ghost(random_tensor({2, 6, 6, 8}, 1));
  y.backward(random_tensor(y.shape(), 2));
  int64_t zero = 0;
  for (const Parameter& p : ghost.parameters())
    for (const double g : p.tensor.grad().to_vector<double>()) zero += g == 0;
  const LayerCost layer = measure_cost(ghost, random_tensor({1, 6, 6, 8}, 1)).model();
  EXPECT_EQ(layer.dead_channels, 2);
  EXPECT_EQ(layer.dead_parameters, zero);
}

TEST(Cost, GroupsDivideTheParameters) {
  int64_t expected = 73728;
  for (const int64_t groups : {1, 2, 4, 8, 16, 32, 64}) {
    const LayerCost layer =
        cost<Conv2d>({.in = 64, .out = 128, .kernel = 3, .padding = 1, .groups = groups, .bias = false}, {1, 4, 4, 64});
    EXPECT_EQ(layer.parameters.all, expected) << groups;
    EXPECT_EQ(layer.macs, 16 * expected) << groups;
    expected /= 2;
  }
  EXPECT_EQ(cost<DepthwiseSeparableConv>({.in = 32, .out = 64}, {1, 4, 4, 32}).parameters.all, 2464);
  const LayerCost block = cost<GroupedBottleneck>({.in = 64, .out = 128, .groups = 8, .stride = 2}, {2, 32, 32, 64});
  EXPECT_EQ(block.parameters.all, 25856);
  EXPECT_EQ(block.output, (Shape{2, 16, 16, 128}));
}

TEST(Cost, CountsEveryCallAndLeavesTheModelAsItWas) {
  const ModulePtr model = build_model({.name = "mini_group_net"}, 0);
  model->train();
  const NetworkCost of_one = measure_cost(*model, random_tensor({1, 32, 32, 3}, 1));
  const NetworkCost of_three = measure_cost(*model, random_tensor({3, 32, 32, 3}, 1));
  EXPECT_TRUE(model->training());
  EXPECT_EQ(of_one.model().macs, of_three.model().macs) << "MACs are of one image";
  EXPECT_EQ(of_three.output.shape(), (Shape{3, 10}));
  ASSERT_EQ(of_one.layers.size(), model->modules().size());
  int64_t macs = 0, parameters = 0;
  for (const LayerCost& layer : of_one.layers)
    if (layer.depth == 1) macs += layer.macs, parameters += layer.parameters.all;
  EXPECT_EQ(macs, of_one.model().macs);
  EXPECT_EQ(parameters, of_one.model().parameters.all);
}

TEST(Cost, FrozenParametersAreNotTrainable) {
  Conv2d conv({.in = 3, .out = 4});
  conv.initialise(0);
  conv.parameters().front().tensor.set_requires_grad(false);
  const ParameterCount count = measure_cost(conv, random_tensor({1, 2, 2, 3}, 1)).model().parameters;
  EXPECT_EQ(count.all, 16);
  EXPECT_EQ(count.trainable, 4);
}

// ---- memory

TEST(MemoryProfile, AConvolutionKeepsItsResult) {
  Conv2d conv({.in = 4, .out = 8, .kernel = 3, .padding = 1});
  conv.initialise(0);
  const MemoryProfile memory = measure_memory(conv, {8, 8, 4});
  EXPECT_EQ(memory.model().training.at(1), 8 * 8 * 8 * 4);
  EXPECT_EQ(memory.model().training.at(100), 100 * 8 * 8 * 8 * 4);
}

TEST(MemoryProfile, NormActivationAndConcatenationTakeNothingMoreWhenTheyAreFused) {
  const auto kept = [](bool fused) {
    GhostModule ghost({.in = 16, .out = 32});
    ghost.initialise(0);
    const bool before = folding();
    set_folding(fused);
    const MemoryProfile memory = measure_memory(ghost, {8, 8, 16});
    set_folding(before);
    return memory.model().training.at(1);
  };
  const int64_t result = 8 * 8 * 32 * 4;
  EXPECT_EQ(kept(true), result);
  EXPECT_GE(kept(false), 2 * result);
}

TEST(MemoryProfile, LeavesBuffersAndModeAsTheyWere) {
  const ModulePtr model = build_model({.name = "mini_group_net"}, 0);
  model->eval();
  std::vector<std::vector<double>> before;
  for (const Buffer& b : model->buffers()) before.push_back(b.tensor.to_vector<double>());
  measure_memory(*model, {16, 16, 3});
  EXPECT_FALSE(model->training());
  size_t i = 0;
  for (const Buffer& b : model->buffers()) EXPECT_EQ(b.tensor.to_vector<double>(), before[i++]) << b.name;
}

TEST(InputSize, IsReadAsChannelsHeightWidth) {
  const auto expect = [](const char* text, int64_t c, int64_t h, int64_t w) {
    const InputSize size = parse_input_size(text);
    EXPECT_EQ(size.channels, c) << text;
    EXPECT_EQ(size.height, h) << text;
    EXPECT_EQ(size.width, w) << text;
  };
  expect("3x224x160", 3, 224, 160);
  expect("224x160", 0, 224, 160);
  expect("224", 0, 224, 224);
  for (const char* wrong : {"", "x", "3x", "3x224x224x1", "0", "-3", "3x0x5", "4097", "3 x 4", "224px", "1e3", "٣"})
    EXPECT_THAT(error_of([&] { parse_input_size(wrong); }), HasSubstr("must be CxHxW")) << wrong;
}

}  // namespace
}  // namespace ghost
