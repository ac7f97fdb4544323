// Printing configurations, and the shipped ones.
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/config_text.h"
#include "support/modules.h"
#include "support/temp_dir.h"
#include "train/config/config.h"
#include "train/config/describe.h"
#include "train/config/values.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

using test::kMinimal;
using test::read;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Every option with another value than its default, so that one that is not printed or not read shows.
TEST(ConfigPrint, GivesEveryOptionBackExactly) {
  for (const ModelEntry& model : model_table())
    for (const OptimizerEntry& optimizer : optimizer_table()) {
      Config config;
      config.model_classes_set = config.model_channels_set = true;
      const Description all = describe(config);
      for (const Field& field : all.fields())
        std::visit(
            [](auto* value) {
              using T = std::remove_pointer_t<decltype(value)>;
              if constexpr (std::is_same_v<T, bool>)
                *value = !*value;
              else if constexpr (std::is_same_v<T, double>)
                *value = *value / 3 + 0.1;
              else if constexpr (std::is_same_v<T, std::array<double, 2>>)
                *value = {1.0 / 3, 2.0 / 3};
              else if constexpr (std::is_integral_v<T>)
                *value += 1;
              else if constexpr (std::is_same_v<T, std::vector<double>>)
                *value = {0.1 + 0.2};
              else if constexpr (std::is_same_v<T, std::vector<int64_t>>)
                *value = {5, 6};
            },
            field.value);
      config.model.name = model.name;
      config.model.stem_stride = 1;
      config.model.conv.ratio = 2.5;
      config.data.name = "image_folder";
      config.data.root = "it's a \"dir\"\\with: #all\tof\x01 yes";
      config.data.channels = 1;
      config.data.augment.set("random_resized_crop", false);
      config.optimizer.name = optimizer.name;
      config.optimizer.nesterov = false;
      config.schedule.name = "one_cycle";
      config.schedule.period_factor = 2;
      config.train.hours = 0;       // epochs are given
      config.train.accumulate = 3;  // divides the batch of 129
      config.run.dir = "null";
      config.run.seed = UINT64_MAX;
      const std::string text = config_to_yaml(config);
      LoadedConfig again = load_config_text(text, "copy.yaml", {});
      EXPECT_THAT(again.notes, IsEmpty()) << text;
      EXPECT_EQ(config_to_yaml(again.config), text);

      const Description before = describe(config), after = describe(again.config);
      for (size_t i = 0; i < before.fields().size(); ++i) {
        const Section* section = nullptr;
        if (before.owners_elsewhere(before.fields()[i].path, section).empty()) {
          EXPECT_EQ(value_to_yaml(before.fields()[i]), value_to_yaml(after.fields()[i])) << before.fields()[i].path;
        }
      }
    }
}

TEST(ConfigPrint, ShowsWhatFollowsTheDataUnlessItWasResolved) {
  Config config;
  EXPECT_THAT(config_to_yaml(config), HasSubstr("num_classes: auto"));
  config.model.num_classes = 100;  // resolved by the trainer
  EXPECT_THAT(config_to_yaml(config), HasSubstr("num_classes: 100"));
  EXPECT_EQ(read(config_to_yaml(config)).model.num_classes, 100);
}

TEST(ConfigPrint, LeavesOutWhatIsNotSelected) {
  const std::string text = config_to_yaml(read("model: {name: mini_group_net}\nschedule: {name: constant}\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("  groups: 4"), HasSubstr("  name: constant"), Not(HasSubstr(" width:")),
                          Not(HasSubstr("depth:")), Not(HasSubstr("milestones"))));
}

// ---- what is shipped

std::vector<std::filesystem::path> shipped() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(GHOST_SOURCE_DIR "/configs"))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// The counts that each file's comment states are those of its model.
TEST(ShippedConfigs, BuildTheModelsTheyDescribe) {
  ASSERT_GE(shipped().size(), 6u);
  for (const auto& file : shipped()) {
    LoadedConfig loaded = load_config(file.string(), {});
    EXPECT_THAT(loaded.notes, IsEmpty()) << file;
    ModelConfig model = loaded.config.model;
    if (loaded.config.data.name == "fashion_mnist" && !loaded.config.model_channels_set) model.in_channels = 1;
    const int64_t count = test::parameter_count(*build_model(model, 0));
    std::string digits = std::to_string(count);
    for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    EXPECT_THAT(test::file_text(file), HasSubstr(digits + " parameters")) << file;
    EXPECT_EQ(config_to_yaml(read(config_to_yaml(loaded.config))), config_to_yaml(loaded.config)) << file;
  }
}

TEST(ShippedConfigs, TakeEveryDataSet) {
  for (const auto& file : shipped())
    for (const DatasetEntry& data : dataset_table()) {
      const Config c = load_config(file.string(), {"data.name=" + data.name, "data.root=/elsewhere"}).config;
      EXPECT_EQ(c.data.name, data.name);
      EXPECT_EQ(c.data.root, "/elsewhere");
    }
}

}  // namespace
}  // namespace ghost
