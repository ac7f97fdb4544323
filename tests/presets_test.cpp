// Every file in configs/ that names a model can be trained as it stands, and what its comment says of the model is
// true.
#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>
#include <regex>

#include "nn/cost.h"
#include "nn/models/registry.h"
#include "support/temp_dir.h"
#include "train/config/config.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;

const fs::path kConfigs = fs::path(GHOST_SOURCE_DIR) / "configs";

// Recipes are what presets extend: they name no model.
std::vector<std::string> presets() {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(kConfigs)) {
    const fs::path name = fs::relative(entry.path(), kConfigs);
    if (entry.path().extension() == ".yaml" && *name.begin() != "recipes") names.push_back(name.string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// "# Counts:     853,018 parameters, 125.49 M multiply-accumulates at 32×32."
struct Counts {
  std::string parameters, macs;
  int64_t side = 0;
  bool operator==(const Counts&) const = default;
};

std::string grouped(int64_t n) {
  std::string digits = std::to_string(n);
  for (int64_t i = std::ssize(digits) - 3; i > 0; i -= 3) digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::optional<Counts> stated(const std::string& text) {
  static const std::regex line("\n# Counts: +([0-9,]+) parameters, ([0-9.,]+) M multiply-accumulates at ([0-9]+)×");
  std::smatch found;
  if (!std::regex_search(text, found, line)) return std::nullopt;
  return Counts{.parameters = found[1], .macs = found[2], .side = std::stoll(found[3])};
}

Counts counted(const Config& config) {
  const NoGrad no_grad;
  const ModulePtr model = build_model(config.model, 0);
  const int64_t side = config.data.image_size;
  const NetworkCost costs = measure_cost(*model, Tensor::zeros({1, side, side, config.model.in_channels}));
  const auto hundredths = (costs.model().macs + 5000) / 10000;
  return {.parameters = grouped(costs.model().parameters.all),
          .macs = fmt::format("{}.{:02}", grouped(hundredths / 100), hundredths % 100),
          .side = side};
}

class Presets : public testing::TestWithParam<std::string> {};

TEST_P(Presets, LoadAndBuildWhatTheirCommentCounts) {
  const fs::path file = kConfigs / GetParam();
  const std::string text = test::file_text(file);
  for (const char* part : {"# Source: ", "# Counts: ", "# Published: ", "# Measured: "})
    EXPECT_NE(text.find(part), std::string::npos) << part << "is missing at the head of the file";

  const LoadedConfig loaded = load_config(file.string(), {});
  EXPECT_TRUE(loaded.notes.empty()) << loaded.notes.front();
  // So that what a model costs can be told without its data.
  EXPECT_TRUE(loaded.config.model_classes_set) << "model.num_classes is not stated";
  EXPECT_GT(loaded.config.data.image_size, 0) << "data.image_size is not stated";

  const Counts is = counted(loaded.config);
  const std::string line = fmt::format("# Counts:     {} parameters, {} M multiply-accumulates at {}×{}.",
                                       is.parameters, is.macs, is.side, is.side);
  EXPECT_EQ(stated(text), is) << "the file should say\n" << line;
}

INSTANTIATE_TEST_SUITE_P(All, Presets, testing::ValuesIn(presets()), [](const auto& preset) {
  std::string name = preset.param.substr(0, preset.param.rfind('.'));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

// The rows of the paper's tables on CIFAR-10 that are one option away from a preset: in thousands of parameters and in
// units of 100,000 multiply-accumulates, as they are published to.
TEST(GhostVgg16, CostsWhatThePaperSaysAtEveryRatioAndKernel) {
  const struct {
    const char* option;
    int64_t thousand_parameters, tenths_of_a_million;
  } rows[] = {{"model.conv.ratio=2", 7650, 1581},        {"model.conv.ratio=3", 5218, 1072},
              {"model.conv.ratio=4", 3982, 804},         {"model.conv.ratio=5", 3270, 657},
              {"model.conv.cheap_kernel=1", 7634, 1570}, {"model.conv.cheap_kernel=5", 7684, 1603},
              {"model.conv.cheap_kernel=7", 7735, 1636}};
  for (const auto& row : rows) {
    const Config config = load_config((kConfigs / "ghost_vgg16_cifar10.yaml").string(), {row.option}).config;
    const ModulePtr model = build_model(config.model, 0);
    const LayerCost costs = measure_cost(*model, Tensor::zeros({1, 32, 32, 3})).model();
    EXPECT_EQ((costs.parameters.all + 500) / 1000, row.thousand_parameters) << row.option;
    EXPECT_EQ((costs.macs + 50'000) / 100'000, row.tenths_of_a_million) << row.option;
  }
}

// The way of docs/models.md: one line of the ResNet-56 file.
TEST(ResNet56, BecomesGhostByOneLine) {
  std::string text = test::file_text(kConfigs / "resnet56_cifar10.yaml");
  const std::string line = "conv: {name: standard}";
  ASSERT_NE(text.find(line), std::string::npos);
  text.replace(text.find(line), line.size(), "conv: {name: ghost, ratio: 3}");
  const LoadedConfig edited = load_config_text(text, (kConfigs / "edited.yaml").string(), {});
  EXPECT_TRUE(edited.notes.empty());
  const Counts is = counted(edited.config),
               was = counted(load_config((kConfigs / "resnet56_cifar10.yaml").string(), {}).config);
  EXPECT_EQ(was.parameters, "853,018");
  EXPECT_EQ(is.parameters, "310,556");
}

}  // namespace
}  // namespace ghost
