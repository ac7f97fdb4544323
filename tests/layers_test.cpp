#include <algorithm>
#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "nn/layers/activation.h"
#include "nn/layers/depthwise_separable.h"
#include "nn/layers/drop_path.h"
#include "nn/layers/grouped_bottleneck.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/layers/pool.h"
#include "nn/models/registry.h"
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

TEST(Conv2d, GroupsDivideTheParameters) {
  const std::vector<std::pair<int64_t, int64_t>> expected{{1, 73728}, {2, 36864}, {4, 18432}, {8, 9216},
                                                          {16, 4608}, {32, 2304}, {64, 1152}};
  for (const auto& [groups, parameters] : expected) {
    Conv2d conv({.in = 64, .out = 128, .kernel = 3, .groups = groups, .bias = false});
    EXPECT_EQ(parameter_count(conv), parameters) << groups;
    EXPECT_EQ(conv.weight().shape(), Shape({128, 3, 3, 64 / groups}));
  }
}

TEST(Conv2d, RefusesOptionsThatDoNotFit) {
  EXPECT_EQ(error_of([] { Conv2d c({.in = 64, .out = 100, .groups = 8}); }),
            "Conv2d: groups=8 does not divide out=100; nearest valid: groups=4");
  EXPECT_EQ(error_of([] { Conv2d c({.in = 3, .out = 8, .groups = 4}); }),
            "Conv2d: groups=4 does not divide in=3; nearest valid: groups=1");
  EXPECT_EQ(error_of([] { Conv2d c({.in = 48, .out = 96, .groups = 5}); }),
            "Conv2d: groups=5 does not divide in=48 and out=96; nearest valid: groups=4 or 6");
  EXPECT_THAT(error_of([] { Conv2d c({.in = 4, .out = 4, .groups = 0}); }), HasSubstr("groups=0"));
  EXPECT_THAT(error_of([] { Conv2d c({.in = 0, .out = 4}); }), HasSubstr("in=0"));
  EXPECT_THAT(error_of([] { Conv2d c({.in = 4, .out = 4, .kernel = {3, 0}}); }), HasSubstr("kernel=3x0"));
  EXPECT_THAT(error_of([] { Conv2d c({.in = 4, .out = 4, .stride = 0}); }), HasSubstr("stride=0x0"));
  EXPECT_THAT(error_of([] { Conv2d c({.in = 4, .out = 4, .padding = -1}); }), HasSubstr("padding=-1x-1"));
}

TEST(DropPath, LeavesOutWholeImagesAndKeepsTheMean) {
  DropPath layer(0.25);
  const Tensor x = Tensor::full({4000, 1, 2, 3}, 3);
  const StepScope scope(1, 5);
  const std::vector<float> y = layer(x).to_vector<float>();
  int64_t kept = 0;
  for (size_t image = 0; image < 4000; image++) {
    const float first = y[6 * image];
    EXPECT_TRUE(first == 0 || first == 4) << first;
    for (size_t k = 1; k < 6; k++) EXPECT_EQ(y[6 * image + k], first);
    kept += first != 0;
  }
  EXPECT_NEAR(static_cast<double>(kept) / 4000, 0.75, 0.03) << "four standard deviations";
}

TEST(DropPath, DrawsByStepAlone) {
  DropPath layer(0.5);
  const Tensor x = random_tensor({64, 2, 2, 3}, 1);
  const auto at_step = [&](uint64_t step) {
    const StepScope scope(1, step);
    return layer(x).to_vector<float>();
  };
  EXPECT_EQ(at_step(3), at_step(3));
  EXPECT_NE(at_step(3), at_step(4));
}

TEST(DropPath, GradientsGoWhereValuesWent) {
  DropPath layer(0.5);
  for (const Shape& shape : {Shape{9, 2, 3, 4}, Shape{9, 4}}) {
    Tensor x = Tensor::full(shape, 1);
    x.set_requires_grad();
    const StepScope scope(1, 5);
    const Tensor y = layer(x);
    y.backward(Tensor::full(shape, 1));
    EXPECT_EQ(x.grad().to_vector<float>(), y.to_vector<float>());
  }
}

TEST(DropPath, IsTheIdentityInEvaluationAndAtZero) {
  DropPath layer(0.5), never(0);
  const Tensor x = random_tensor({4, 2, 2, 3}, 1);
  layer.eval();
  EXPECT_EQ(layer(x).to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(never(x).to_vector<float>(), x.to_vector<float>());
  EXPECT_THAT(error_of([] { DropPath bad(1); }), HasSubstr("p=1, but must lie in [0, 1)"));
}

TEST(DropPath, RisesLinearlyOverTheBlocksOfEveryResidualModel) {
  for (const ModelEntry& entry : model_table()) {
    if (!std::count(entry.options.begin(), entry.options.end(), "drop_path")) continue;
    for (const std::string& variant : entry.variants.empty() ? std::vector<std::string>{"official"} : entry.variants) {
      ModelConfig config{.name = entry.name, .width = 0.25, .drop_path = 0.3, .variant = variant};
      const ModulePtr model = build_model(config, 1);
      std::vector<double> rates;
      const std::function<void(Module&)> look = [&](Module& module) {
        if (const auto* const one = dynamic_cast<DropPath*>(&module)) rates.push_back(one->p());
        for (const auto& [name, child] : module.children()) look(*child);
      };
      look(*model);
      ASSERT_FALSE(rates.empty()) << entry.name;
      const auto blocks = static_cast<double>(rates.size() + 1);  // the first has none
      for (size_t i = 0; i < rates.size(); i++)
        EXPECT_NEAR(rates[i], 0.3 * static_cast<double>(i + 1) / (blocks - 1), 1e-12) << entry.name;
      config.drop_path = 0;
      const ModulePtr without = build_model(config, 1);
      EXPECT_EQ(entry_names(*model), entry_names(*without)) << entry.name;
    }
  }
}

// A block whose shortcut is the identity gives its input back for an image that is left out, or what is positive of it.
TEST(DropPath, StandsOnTheBranchOfEveryBlockWithAnIdentityForAShortcut) {
  for (const auto& [name, depth, variant] : {std::tuple{"resnet", 20, "official"},
                                             {"resnext", 29, "official"},
                                             {"ghostnet", 0, "official"},
                                             {"ghostnet", 0, "d_li14"},
                                             {"ghostnet_v2", 0, "official"},
                                             {"ghostnet_v3", 0, "official"},
                                             {"repghost", 0, "official"},
                                             {"mobilenet_v2", 0, "official"},
                                             {"mobilenet_v3", 0, "small"},
                                             {"mobilenet_v4", 0, "official"}}) {
    const ModulePtr model = build_model(
        {.name = name, .width = 0.25, .drop_path = 0.9, .variant = variant, .stem_stride = 1, .depth = depth}, 1);
    std::vector<size_t> left_out;
    int checked = 0;
    const ForwardObserver observer([&](Module& module, const Tensor& x, const Tensor& y) {
      const std::vector<float> in = x.to_vector<float>(), out = y.to_vector<float>();
      const size_t images = static_cast<size_t>(x.size(0)), each = in.size() / images;
      if (dynamic_cast<DropPath*>(&module)) {
        left_out.clear();
        for (size_t i = 0; i < images; i++)
          if (std::all_of(out.begin() + i * each, out.begin() + (i + 1) * each, [](float v) { return v == 0; }))
            left_out.push_back(i);
        return;
      }
      const auto children = module.children();
      const bool is_block =
          std::any_of(children.begin(), children.end(), [](const auto& child) { return child.first == "drop_path"; });
      const bool projects = std::any_of(children.begin(), children.end(), [](const auto& child) {
        return child.first == "downsample" || child.first == "shortcut";
      });
      if (!is_block || projects || x.shape() != y.shape()) return;
      for (const size_t i : left_out) {
        for (size_t k = i * each; k < (i + 1) * each; k++)
          ASSERT_TRUE(out[k] == in[k] || out[k] == std::max(in[k], 0.0f)) << name << ", " << module.path();
        checked++;
      }
    });
    const StepScope scope(1, 5);
    (*model)(random_tensor({4, 32, 32, 3}, 2));
    EXPECT_GT(checked, 5) << name;
  }
}

TEST(Conv2d, DepthwiseWithAMultiplierLearns) {
  Conv2d conv({.in = 4, .out = 12, .kernel = 3, .padding = 1, .groups = 4});
  conv.initialise(1);
  Conv2d teacher({.in = 4, .out = 12, .kernel = 3, .padding = 1, .groups = 4});
  teacher.initialise(2);
  const Tensor x = random_tensor({2, 6, 6, 4}, 3);
  const Tensor target = teacher(x).detach();
  const auto loss_after = [&](int steps) {
    double loss = 0;
    for (int i = 0; i < steps; i++) {
      const Tensor d = conv(x) - target, l = mean(d * d);
      l.backward();
      loss = l.item<double>();
      for (Parameter& p : conv.parameters()) {
        const auto g = p.tensor.grad().to_vector<float>();
        float* w = p.tensor.mutable_data<float>();
        for (size_t k = 0; k < g.size(); k++) w[k] -= 2 * g[k];
        p.tensor.clear_grad();
      }
    }
    return loss;
  };
  const double first = loss_after(1), last = loss_after(60);
  EXPECT_LT(last, 0.05 * first);
}

TEST(DepthwiseSeparableConv, HasItsPublishedSizeNamesAndShape) {
  DepthwiseSeparableConv layer({.in = 32, .out = 64});
  EXPECT_EQ(parameter_count(layer), 2464);
  EXPECT_THAT(entry_names(layer), ElementsAre("dw.weight", "pw.weight", "bn.weight", "bn.bias", "bn.running_mean",
                                              "bn.running_var", "bn.num_batches_tracked"));
  EXPECT_EQ(output_shape(layer, {2, 8, 8, 32}), Shape({2, 8, 8, 64}));
}

TEST(GroupedBottleneck, HasItsPublishedSizeAndShape) {
  GroupedBottleneck block({.in = 64, .out = 128, .groups = 8, .stride = 2});
  EXPECT_EQ(parameter_count(block), 25856);
  EXPECT_EQ(output_shape(block, {2, 32, 32, 64}), Shape({2, 16, 16, 128}));
  GroupedBottleneck identity({.in = 16, .out = 16});
  for (const std::string& name : entry_names(identity)) EXPECT_EQ(name.find("skip"), std::string::npos) << name;
}

TEST(GroupedBottleneck, RefusesHiddenChannelsThatMakeNoGroups) {
  EXPECT_EQ(error_of([] { GroupedBottleneck b({.in = 64, .out = 100, .groups = 8}); }),
            "GroupedBottleneck: hidden=50 (out=100 at bottleneck_ratio=0.5) is not divisible by groups=8; nearest "
            "valid: groups=5 or 10, or hidden=48 or 56");
  EXPECT_THAT(error_of([] { GroupedBottleneck b({.in = 4, .out = 4, .groups = 4}); }),
              HasSubstr("nearest valid: groups=2, or hidden=4"));
  // Python's rounding: 5 · 0.5 → 2, 7 · 0.5 → 4
  EXPECT_NO_THROW(GroupedBottleneck({.in = 4, .out = 5, .groups = 2}));
  EXPECT_NO_THROW(GroupedBottleneck({.in = 4, .out = 7, .groups = 4}));
  EXPECT_THAT(error_of([] { GroupedBottleneck b({.in = 4, .out = 8, .bottleneck_ratio = 0.01}); }),
              HasSubstr("no hidden channels"));
}

TEST(Layers, ActivationsAreTheirOperators) {
  const Tensor x = Tensor::from<float>({-8, -3, -0.5, 0, 0.5, 3, 8}, {1, 7});
  struct Row {
    Activation activation;
    const char *name, *kind;  // kind: the class of torch.nn
    Tensor expected;
  };
  const std::vector<Row> rows{{Activation::none, "none", "Identity", x},
                              {Activation::relu, "relu", "ReLU", relu(x)},
                              {Activation::relu6, "relu6", "ReLU6", relu6(x)},
                              {Activation::hard_swish, "hard_swish", "Hardswish", hardswish(x)},
                              {Activation::silu, "silu", "SiLU", silu(x)},
                              {Activation::hard_sigmoid, "hard_sigmoid", "Hardsigmoid", hard_sigmoid(x)},
                              {Activation::clip, "clip", "Hardtanh", clamp(x, 0, 1)},
                              {Activation::sigmoid, "sigmoid", "Sigmoid", sigmoid(x)}};
  ASSERT_EQ(rows.size(), activation_table().size());
  for (const Row& row : rows) {
    const auto expected = row.expected.to_vector<float>();
    ActivationLayer layer(row.activation);
    EXPECT_EQ(layer(x).to_vector<float>(), expected) << row.name;
    EXPECT_EQ(activate(x, row.activation).to_vector<float>(), expected) << row.name;
    EXPECT_STREQ(layer.kind(), row.kind);
    EXPECT_EQ(name_of(row.activation), row.name);
    EXPECT_EQ(activation_named(row.name), row.activation);
  }
}

TEST(Layers, AnActivationThatDoesNotExistIsRefusedWithTheNearest) {
  EXPECT_THROW(activation_named("rellu"), UsageError);
  EXPECT_EQ(error_of([] { activation_named("hardswish", "model.activation"); }),
            "model.activation: 'hardswish' is not one of none, relu, relu6, hard_swish, silu, hard_sigmoid, clip or "
            "sigmoid; did you mean 'hard_swish'?");
}

TEST(Layers, ConvBnActAppliesItsActivationAfterTheNorm) {
  const Tensor x = random_tensor({2, 5, 6, 4}, 1);
  for (const ActivationEntry& entry : activation_table())
    for (const PartNames& names : {PartNames{"0", "1", "2"}, PartNames{"conv", "bn"}}) {
      ConvBnAct block({.in = 4, .out = 8, .activation = entry.value}, names);
      block.initialise(3);
      const bool a_module = !names.activation.empty() && entry.value != Activation::none;
      EXPECT_EQ(block.children().size(), a_module ? 3U : 2U) << entry.name;
      const Tensor expected = activate((*block.norm())((*block.conv())(x)), entry.value);
      EXPECT_EQ(block(x).to_vector<float>(), expected.to_vector<float>()) << entry.name;
    }
}

TEST(Layers, ConvBnActKeepsTheSizeUnlessItIsToldOtherwise) {
  for (const int64_t kernel : {1, 3, 5, 7})
    for (const int64_t dilation : {1, 2}) {
      ConvBnAct block({.in = 3, .out = 4, .kernel = kernel, .dilation = dilation});
      EXPECT_EQ(output_shape(block, {1, 15, 16, 3}), Shape({1, 15, 16, 4})) << kernel << " " << dilation;
    }
  ConvBnAct unpadded({.in = 3, .out = 4, .padding = 0});
  EXPECT_EQ(output_shape(unpadded, {1, 9, 9, 3}), Shape({1, 7, 7, 4}));
}

TEST(Layers, PoolsTakeTheKernelAsStride) {
  const Tensor x = random_tensor({2, 9, 7, 3}, 0);
  EXPECT_EQ(MaxPool2d({.kernel = 2})(x).shape(), Shape({2, 4, 3, 3}));
  EXPECT_EQ(MaxPool2d({.kernel = 2, .ceil_mode = true})(x).shape(), Shape({2, 5, 4, 3}));
  EXPECT_EQ(MaxPool2d({.kernel = 3, .stride = 2, .padding = 1})(x).shape(), Shape({2, 5, 4, 3}));
  EXPECT_EQ(AvgPool2d({.kernel = 3})(x).shape(), Shape({2, 3, 2, 3}));
  EXPECT_EQ(AdaptiveAvgPool2d({4, 5})(x).shape(), Shape({2, 4, 5, 3}));
  EXPECT_EQ(GlobalAvgPool()(x).shape(), Shape({2, 1, 1, 3}));
  EXPECT_THAT(error_of([] { MaxPool2d p({.kernel = 2, .padding = 2}); }), HasSubstr("at most 1x1"));
  EXPECT_THAT(error_of([] { AvgPool2d p({.kernel = 0}); }), HasSubstr("kernel=0x0"));
}

TEST(Layers, FlattenGivesPyTorchsColumns) {
  const Tensor x = random_tensor({2, 3, 4, 5}, 0);
  const auto flat = Flatten()(x).to_vector<float>();
  const float* v = x.data<float>();
  for (int64_t n = 0; n < 2; n++)
    for (int64_t h = 0; h < 3; h++)
      for (int64_t w = 0; w < 4; w++)
        for (int64_t c = 0; c < 5; c++)
          EXPECT_EQ(flat[static_cast<size_t>(n * 60 + (c * 3 + h) * 4 + w)], v[((n * 3 + h) * 4 + w) * 5 + c]);
}

TEST(BatchNorm2d, OptionsChooseParametersAndBuffers) {
  BatchNorm2d plain({.channels = 3, .affine = false, .track_running_stats = false});
  EXPECT_TRUE(plain.parameters().empty());
  EXPECT_TRUE(plain.buffers().empty());
  const Tensor x = random_tensor({2, 3, 3, 3}, 0);
  const auto training = plain(x).to_vector<float>();
  plain.eval();
  EXPECT_EQ(plain(x).to_vector<float>(), training);
  EXPECT_THAT(error_of([] { BatchNorm2d b({.channels = 3, .momentum = 2}); }), HasSubstr("momentum=2"));
  EXPECT_THAT(error_of([] { BatchNorm2d b({.channels = 0}); }), HasSubstr("channels=0"));
}

TEST(BatchNorm2d, EvaluationUsesRunningStatistics) {
  BatchNorm2d bn({.channels = 2, .momentum = std::nullopt});
  bn.initialise(0);
  const Tensor x = Tensor::from<float>({1, 10, 3, 30}, {2, 1, 1, 2});
  bn(x);
  EXPECT_EQ(bn.buffers()[0].tensor.to_vector<float>(), (std::vector<float>{2, 20}));
  EXPECT_EQ(bn.buffers()[1].tensor.to_vector<float>(), (std::vector<float>{2, 200}));
  EXPECT_EQ(bn.buffers()[2].tensor.item<int64_t>(), 1);
  bn.eval();
  const auto y = bn(Tensor::from<float>({2, 20}, {1, 1, 1, 2})).to_vector<float>();
  EXPECT_NEAR(y[0], 0, 1e-6);
  EXPECT_NEAR(y[1], 0, 1e-6);
}

}  // namespace
}  // namespace ghost
