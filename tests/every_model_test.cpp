// What holds for each line of the table of models, with its own convolutions and with others in their place.
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "core/ops/cross_entropy.h"
#include "nn/freeze.h"
#include "nn/models/registry.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::error_of;
using test::random_tensor;

using testing::MatchesRegex;

constexpr int64_t kClasses = 5;

// The smallest network of each name that still has all its parts. A model without a line here is tested at its
// defaults.
const std::map<std::string, ModelConfig>& small_sizes() {
  static const std::map<std::string, ModelConfig> sizes{
      {"ghostnet", {.width = 0.25, .stem_stride = 1}},
      {"vgg", {.depth = 11}},
      {"resnet", {.depth = 20}},
      {"resnext", {.cardinality = 4, .base_width = 8}},
      {"mobilenet_v1", {.width = 0.25, .stem_stride = 1}},
      {"mini_group_net", {.groups = 4}},
      {"plain_cnn", {.channels = {8, 16}}},
      {"airbench", {.width = 0.125}},
      {"mobilenet_v4", {.width = 0.25, .stem_stride = 1}},
      {"repghost", {.width = 0.25, .stem_stride = 1}},
      {"ghostnet_v2", {.width = 0.25, .stem_stride = 1}},
      {"mobilenet_v2", {.width = 0.25, .stem_stride = 1}},
      {"shufflenet_v2", {.width = 0.5, .stem_stride = 1}},
      {"mobilenet_v3", {.width = 0.25, .stem_stride = 1}},
      {"ghostnet_v3", {.width = 0.25, .stem_stride = 1}},
  };
  return sizes;
}

struct Named {
  std::string name;
  ModelConfig config;
};

void PrintTo(const Named& model, std::ostream* to) { *to << model.name; }  // NOLINT: as GoogleTest calls it

std::vector<Named> every_model() {
  std::vector<Named> all;
  for (const ModelEntry& entry : model_table()) {
    ModelConfig config;
    if (small_sizes().count(entry.name)) config = small_sizes().at(entry.name);
    config.name = entry.name, config.num_classes = kClasses;
    const bool takes_conv = std::count(entry.options.begin(), entry.options.end(), "conv") > 0;
    for (const std::string& conv : takes_conv ? conv_choice_names() : std::vector<std::string>{"standard"}) {
      config.conv.name = conv;
      all.push_back({entry.name + (takes_conv ? "_" + conv : ""), config});
    }
  }
  return all;
}

Tensor pictures(int64_t count, uint64_t seed) { return random_tensor({count, 32, 32, 3}, seed); }

// The loss of a fixed batch; afterwards its gradients are in the parameters.
double forward_backward(Module& model) {
  const StepScope scope(0, 0);
  for (const Parameter& p : model.parameters()) Tensor(p.tensor).clear_grad();
  const Tensor loss = cross_entropy(model(pictures(5, 1)), Tensor::from<int64_t>({0, 1, 2, 3, 4}, {5}));
  loss.backward();
  return loss.item<double>();
}

// One step down the gradient. Its length is fixed: how steep the start is differs by orders of magnitude.
void descend(Module& model, double length) {
  double squares = 0;
  for (const Parameter& p : trainable_parameters(model))
    for (const float g : p.tensor.grad().to_vector<float>()) squares += static_cast<double>(g) * g;
  const auto rate = static_cast<float>(length / std::sqrt(squares));
  for (Parameter& p : trainable_parameters(model)) {
    const auto gradient = p.tensor.grad().to_vector<float>();
    auto* w = p.tensor.mutable_data<float>();
    for (size_t i = 0; i < gradient.size(); i++) w[i] -= rate * gradient[i];
  }
}

class EveryModel : public testing::TestWithParam<Named> {};

TEST_P(EveryModel, GivesOneLogitAClassForPicturesOfAnySize) {
  const ModulePtr model = build_model(GetParam().config, 0);
  model->eval();
  const NoGrad no_grad;
  for (const Shape& x : {Shape{2, 32, 32, 3}, Shape{1, 45, 38, 3}})
    EXPECT_EQ((*model)(random_tensor(x, 0)).shape(), Shape({x[0], kClasses}));
}

TEST_P(EveryModel, BackwardReachesEveryParameter) {
  const ModulePtr model = build_model(GetParam().config, 0);
  EXPECT_TRUE(std::isfinite(forward_backward(*model)));
  for (const Parameter& p : trainable_parameters(*model)) {
    const Tensor g = p.tensor.grad();
    ASSERT_TRUE(g.defined()) << p.name;
    ASSERT_EQ(g.shape(), p.tensor.shape()) << p.name;
    const double size = test::largest_magnitude(g);
    EXPECT_TRUE(std::isfinite(size)) << p.name;
    // A shift in front of a batch norm has no effect, so gradients of biases may vanish; those of weights may not.
    if (p.tensor.rank() >= 2) {
      EXPECT_GT(size, 0) << p.name;
    }
  }
}

TEST_P(EveryModel, TheLossFallsInThreeSteps) {
  const ModulePtr model = build_model(GetParam().config, 0);
  const double first = forward_backward(*model);
  double last = first;
  for (int step = 0; step < 3; step++) {
    descend(*model, 3e-4);
    last = forward_backward(*model);
  }
  EXPECT_LT(last, first);
}

TEST_P(EveryModel, AFileKeepsAllThatMattersForTheResult) {
  const test::TempDir dir;
  const ModulePtr trained = build_model(GetParam().config, 0), other = build_model(GetParam().config, 1);
  forward_backward(*trained);  // running statistics are no longer what they start with
  write_safetensors(dir / "weights.safetensors", state_dict(*trained));
  load_state_dict(*other, read_safetensors(dir / "weights.safetensors").tensors);
  trained->eval(), other->eval();
  const NoGrad no_grad;
  const Tensor x = pictures(2, 7);
  EXPECT_EQ((*trained)(x).to_vector<float>(), (*other)(x).to_vector<float>());
}

INSTANTIATE_TEST_SUITE_P(Table, EveryModel, testing::ValuesIn(every_model()),
                         [](const auto& model) { return model.param.name; });

TEST(EveryModelTable, WhatDoesNotFitIsRefusedWithItsPlaceAndWhatIsNear) {
  for (const char* name :
       {"vgg", "resnet", "resnext", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3", "mobilenet_v4", "plain_cnn"}) {
    ModelConfig config;
    config.name = name, config.conv.name = "ghost_conv", config.conv.ratio = 1.5;
    EXPECT_THAT(error_of([&] { build_model(config, 0); }),
                MatchesRegex("GhostConv: out=[0-9]+ at ratio=1.5 gives .*; nearest valid: .* \\(in [a-z0-9_.]+\\)"))
        << name;
    config.conv.name = "grouped", config.conv.groups = 7;
    EXPECT_THAT(error_of([&] { build_model(config, 0); }),
                MatchesRegex("Conv2d: groups=7 does not divide .*; nearest valid: groups=4 or 8 \\(in [a-z0-9_.]+\\)"))
        << name;
  }
}

}  // namespace
}  // namespace ghost
