// Whole networks give the same bits on any number of threads, with every instruction set, fused and plain.
#include <gtest/gtest.h>

#include "core/kernels/isa.h"
#include "core/ops/cross_entropy.h"
#include "nn/models/registry.h"
#include "support/kernels.h"
#include "support/modules.h"
#include "support/programs.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

struct Network {
  std::string name;
  ModelConfig config;
};
void PrintTo(const Network& network, std::ostream* to) { *to << network.name; }  // NOLINT: as GoogleTest calls it

std::vector<Network> networks() {
  const ConvChoice ghost{.name = "ghost"};
  return {{"ghostnet", {.name = "ghostnet", .width = 0.25, .stem_stride = 1}},
          {"resnet20", {.name = "resnet", .depth = 20}},
          {"drop_path", {.name = "ghostnet", .width = 0.25, .drop_path = 0.5, .stem_stride = 1}},
          {"ghostnet_v2", {.name = "ghostnet_v2", .width = 0.25, .stem_stride = 1}},
          {"ghostnet_v3", {.name = "ghostnet_v3", .width = 0.25, .stem_stride = 1}},
          {"repghost", {.name = "repghost", .width = 0.25, .stem_stride = 1}},
          {"shufflenet_v2", {.name = "shufflenet_v2", .width = 0.5, .stem_stride = 1}},
          {"mobilenet_v2", {.name = "mobilenet_v2", .width = 0.25, .stem_stride = 1}},
          {"mobilenet_v3", {.name = "mobilenet_v3", .width = 0.25, .variant = "small", .stem_stride = 1}},
          {"mobilenet_v4", {.name = "mobilenet_v4", .width = 0.25, .stem_stride = 1}},
          {"ghost_resnet20", {.name = "resnet", .depth = 20, .conv = ghost}}};
}

// Losses of a few steps and all that they leave in the network.
std::vector<std::vector<float>> trained(const ModelConfig& config, int threads) {
  constexpr int64_t kBatch = 4, kSteps = 2;
  const test::Threads setting(threads);
  const ModulePtr model = build_model(config, 1);
  const OptimizerPtr optimizer = build_optimizer({.lr = 0.05}, model->parameters());
  std::vector<int64_t> classes;
  for (int64_t i = 0; i < kBatch; i++) classes.push_back(i % 10);
  std::vector<std::vector<float>> values;
  for (int64_t i = 0; i < kSteps; i++) {
    const StepScope scope(1, static_cast<uint64_t>(i));
    optimizer->clear_gradients();
    const Tensor images = test::random_tensor({kBatch, 32, 32, 3}, static_cast<uint64_t>(i));
    const Tensor loss = cross_entropy((*model)(images), Tensor::from<int64_t>(classes, {kBatch}));
    loss.backward();
    optimizer->step(0.05);
    values.push_back({loss.item<float>()});
  }
  for (const Parameter& p : model->parameters()) values.push_back(p.tensor.to_vector<float>());
  for (const Buffer& b : model->buffers())
    if (is_floating(b.tensor.dtype())) values.push_back(b.tensor.to_vector<float>());
  return values;
}

class Determinism : public testing::TestWithParam<Network> {};

TEST_P(Determinism, TrainingGivesTheSameBitsOnAnyNumberOfThreads) {
  for (const std::string& isa : available_isas())
    for (const bool fold : {true, false}) {
      SCOPED_TRACE(isa + (fold ? " fused" : " plain"));
      const test::Isa set(isa);
      const test::Folding folding(fold);
      const auto one = trained(GetParam().config, 1);
      for (const int threads : {2, 4}) EXPECT_TRUE(trained(GetParam().config, threads) == one) << threads << " threads";
    }
}

INSTANTIATE_TEST_SUITE_P(Networks, Determinism, testing::ValuesIn(networks()),
                         [](const auto& network) { return network.param.name; });

}  // namespace
}  // namespace ghost
