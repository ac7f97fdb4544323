// The networks that bench/compare_pytorch measures beside PyTorch are the same on both sides; those that differ in
// their activation alone, measured beside each other, differ in nothing else.
#include <filesystem>
#include <gtest/gtest.h>
#include <set>

#include "nn/cost.h"
#include "train/loop/preflight.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;

const fs::path kConfigs = fs::path(GHOST_SOURCE_DIR) / "bench" / "configs";

// Parameters as the PyTorch models of these names have them.
struct Row {
  const char* name;
  int64_t batch, side, classes, parameters, macs;
};
const Row kRows[] = {
    {"ghostnet224", 16, 224, 1000, 5'182'508, 141'150'512},
    {"ghostnet32", 128, 32, 10, 3'914'318, 13'935'872},
    {"mini_group_net4", 128, 32, 10, 155'210, 23'267'840},
    {"mini_group_net8", 128, 32, 10, 132'170, 20'908'544},
    {"resnet20", 128, 32, 10, 269'722, 40'551'040},
    {"resnet56", 128, 32, 10, 853'018, 125'485'696},
    {"ghost_resnet56", 128, 32, 10, 438'010, 65'139'328},
    {"vgg16", 128, 32, 10, 14'986'698, 313'463'808},
    {"ghost_vgg16", 128, 32, 10, 7'650'474, 158'109'696},
    {"mobilenet64_relu", 32, 64, 1000, 4'231'976, 47'368'192},
    {"mobilenet64_relu6", 32, 64, 1000, 4'231'976, 47'368'192},
    {"mobilenet64_hard_swish", 32, 64, 1000, 4'231'976, 47'368'192},
};

class BenchConfigs : public testing::TestWithParam<Row> {};

TEST_P(BenchConfigs, AreTheNetworksTheyAreCalled) {
  const Row& row = GetParam();
  const LoadedConfig loaded = load_config((kConfigs / (std::string(row.name) + ".yaml")).string(), {});
  EXPECT_TRUE(loaded.notes.empty()) << loaded.notes.front();
  const Config& config = loaded.config;
  EXPECT_EQ(micro_batch_size(config.train), row.batch);
  EXPECT_EQ(config.optimizer.name, "sgd");
  EXPECT_EQ(config.optimizer.momentum, 0.9);
  EXPECT_EQ(config.optimizer.weight_decay, 5e-4);

  // Without data: nothing has to be said on the command line.
  const DataInfo data = known_data_info(config);
  EXPECT_EQ(data.image_size, row.side);
  const ModelConfig model = model_config(config, data);
  EXPECT_EQ(model.num_classes, row.classes);
  const ModulePtr network = build_model(model, 0);
  const LayerCost costs = measure_cost(*network, Tensor::zeros({1, row.side, row.side, 3})).model();
  EXPECT_EQ(costs.parameters.trainable, row.parameters);
  EXPECT_EQ(costs.macs, row.macs);
}

INSTANTIATE_TEST_SUITE_P(All, BenchConfigs, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(BenchConfigs, HoldNothingElse) {
  std::set<std::string> files, rows;
  for (const auto& entry : fs::directory_iterator(kConfigs)) files.insert(entry.path().filename().string());
  for (const Row& row : kRows) rows.insert(std::string(row.name) + ".yaml");
  EXPECT_EQ(files, rows);
}

}  // namespace
}  // namespace ghost
