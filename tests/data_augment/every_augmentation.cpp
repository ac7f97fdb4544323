// What holds for every line of the table.
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "data_augment/augmented.h"

namespace ghost {
namespace {

using test::augmented_values;
using test::refusal;
using test::splits_of_pixels;
using testing::HasSubstr;
using testing::StartsWith;

// The first option is what switches an augmentation on: true, a number above 0, or a choice that true stands for.
AugmentConfig switched_on(const AugmentationEntry& entry) {
  AugmentConfig config;
  Description description;
  describe(config, description);
  const std::string& key = entry.options.at(0);
  const FieldValue& value = description.find_field(key)->value;
  if (std::holds_alternative<bool*>(value) || std::holds_alternative<std::string*>(value))
    config.set(key, true);
  else if (std::holds_alternative<int64_t*>(value))
    config.set(key, 2);
  else
    config.set(key, 0.5);
  return config;
}

bool is_on(const AugmentConfig& config, const AugmentationEntry& entry) { return config.at(entry.name).on(); }

TEST(AugmentTable, IsInTheOrderOfApplicationAndHasEveryNameOnce) {
  const AugmentConfig config;
  ASSERT_EQ(config.all().size(), augmentations().size());
  std::set<std::string> names, options;
  AugmentStage last = AugmentStage::geometry;
  for (const AugmentationEntry& entry : augmentations()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    for (const std::string& option : entry.options) EXPECT_TRUE(options.insert(option).second) << option;
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
    const AugmentStage stage = config.at(entry.name).stage();
    EXPECT_GE(stage, last) << entry.name << " stands behind one of a later stage";
    last = stage;
  }
}

// A line more among these, or another order, would change the results of the others.
TEST(AugmentTable, OnlyTheOldOnesShareAStream) {
  std::vector<std::string> shared;
  for (const AugmentationEntry& entry : augmentations())
    if (entry.shared_stream)
      shared.push_back(entry.name);
    else if (entry.plain_keys)
      EXPECT_THAT(entry.options, testing::ElementsAre(entry.name));
    else
      for (const std::string& option : entry.options) EXPECT_THAT(option, StartsWith(entry.name + "."));
  EXPECT_THAT(shared, testing::ElementsAre("random_crop", "random_resized_crop", "flip", "color_jitter", "lighting"));
}

TEST(EveryAugmentation, IsOffUntilItsFirstOptionSwitchesItOn) {
  const AugmentConfig off;
  EXPECT_EQ(refusal(off), "");
  for (const AugmentationEntry& entry : augmentations()) {
    EXPECT_FALSE(is_on(off, entry)) << entry.name;
    const AugmentConfig config = switched_on(entry);
    EXPECT_EQ(refusal(config), "") << entry.name;
    for (const AugmentationEntry& other : augmentations())
      EXPECT_EQ(is_on(config, other), other.name == entry.name) << other.name << " by " << entry.options[0];
  }
}

TEST(EveryAugmentation, IsAFunctionOfSeedEpochAndSample) {
  const Image image = test::patterned_image(20, 24, 3);
  const DataSplits splits = splits_of_pixels(16, 3, 18);
  for (const AugmentationEntry& entry : augmentations()) {
    const AugmentConfig config = switched_on(entry);
    if (config.at(entry.name).stage() == AugmentStage::batch) continue;  // of whole batches: mixing.cpp
    const auto values = [&](const SampleKey& key) { return augmented_values(image, splits, config, key); };
    const SampleKey key{.seed = 7, .epoch = 2, .sample = 5};
    EXPECT_EQ(values(key), values(key)) << entry.name;
    std::set<std::vector<float>> by_seed, by_epoch, by_sample;
    for (int64_t i = 0; i < 32; i++) {
      by_seed.insert(values({.seed = static_cast<uint64_t>(i), .epoch = 2, .sample = 5}));
      by_epoch.insert(values({.seed = 7, .epoch = i, .sample = 5}));
      by_sample.insert(values({.seed = 7, .epoch = 2, .sample = i}));
    }
    for (const auto& results : {by_seed, by_epoch, by_sample}) EXPECT_GT(results.size(), 1u) << entry.name;
  }
}

TEST(EveryAugmentation, GivesFiniteValuesForPicturesOfAnyShape) {
  for (const AugmentationEntry& entry : augmentations())
    for (const int64_t channels : {1, 3})
      for (const auto& [height, width] : {std::pair{1, 1}, {1, 90}, {90, 1}, {16, 16}, {15, 40}})
        for (const int64_t resize : {0, 18})
          for (uint64_t seed = 0; seed < 8; seed++)
            for (const float value :
                 augmented_values(test::patterned_image(height, width, channels),
                                  splits_of_pixels(16, channels, resize), switched_on(entry), {.seed = seed}))
              ASSERT_TRUE(std::isfinite(value)) << entry.name << " of " << height << "x" << width << "x" << channels;
}

TEST(EveryAugmentation, LeavesEvaluationAlone) {
  const Image image = test::patterned_image(20, 24, 3);
  const DataSplits splits = splits_of_pixels(16, 3, 18);
  const auto evaluated = [&](const AugmentConfig& config) {
    const Preprocessor preprocessor(splits, config);
    std::vector<float> out(static_cast<size_t>(preprocessor.values()));
    preprocessor.evaluation(image, out.data());
    return out;
  };
  for (const AugmentationEntry& entry : augmentations())
    EXPECT_EQ(evaluated(switched_on(entry)), evaluated({})) << entry.name;
}

TEST(EveryAugmentation, RefusesNumbersOutOfRangeByTheirKey) {
  for (const AugmentationEntry& entry : augmentations()) {
    for (const std::string& option : entry.options) {
      AugmentConfig config;
      Description description;
      describe(config, description);
      const Field& field = *description.find_field(option);
      const auto refused_with = [&](double value) {
        std::visit(
            [&](auto* to) {
              using T = std::remove_pointer_t<decltype(to)>;
              if constexpr (std::is_same_v<T, double> || std::is_same_v<T, int64_t>)
                *to = static_cast<T>(value);
              else if constexpr (std::is_same_v<T, std::array<double, 2>>)
                to->back() = value;
            },
            field.value);
        EXPECT_THAT(refusal(config), StartsWith("data.augment." + option)) << value;
      };
      const bool real =
          std::holds_alternative<double*>(field.value) || std::holds_alternative<std::array<double, 2>*>(field.value);
      if (real) refused_with(std::nan(""));
      if (real || std::holds_alternative<int64_t*>(field.value)) {
        EXPECT_TRUE(std::isfinite(field.rule.limits.least)) << option << " has no lower limit";
        refused_with(field.rule.limits.least - 1);
        if (std::isfinite(field.rule.limits.most)) refused_with(field.rule.limits.most + 1);
      }
    }
  }
}

TEST(AugmentConfig, TwoAugmentationsThatChooseTheFrameExcludeEachOther) {
  EXPECT_EQ(refusal({{"crop_padding", 4}, {"random_resized_crop", true}}),
            "data.augment has both crop_padding and random_resized_crop, but an image is cropped once; choose one");
}

TEST(AugmentConfig, ReportsEveryWrongValueAtOnce) {
  EXPECT_EQ(refusal({{"crop_padding", -1}, {"brightness", 11}, {"lighting", -0.5}}),
            "data.augment.crop_padding is -1, but must be at least 0\n"
            "data.augment.brightness is 11, but must be in [0, 10]\n"
            "data.augment.lighting is -0.5, but must be in [0, 10]");
}

TEST(AugmentConfig, KeysAndTypesThatThereAreNotAreRefused) {
  const auto message = [](const auto& act) -> std::string {
    try {
      act();
      return "";
    } catch (const UsageError& error) {
      return error.what();
    }
  };
  AugmentConfig config;
  EXPECT_EQ(message([&] { config.set("flipp", true); }), "there is no option data.augment.flipp; did you mean 'flip'?");
  EXPECT_EQ(message([&] { config.set("flip", 1); }), "data.augment.flip was set to an integer, but must be text");
  EXPECT_EQ(message([&] { config.set("trivial_augment", 1); }),
            "data.augment.trivial_augment was set to an integer, but must be true or false");
  EXPECT_EQ(message([&] { config.set("crop_padding", 0.5); }),
            "data.augment.crop_padding was set to a number, but must be an integer");
  EXPECT_EQ(message([&] { config.set("scale", std::vector{0.5}); }),
            "data.augment.scale was set to a list of numbers, but must be a list of 2 numbers");
  EXPECT_EQ(message([&] { config.get<int64_t>("brightness"); }),
            "data.augment.brightness is a number, but was asked for as an integer");
  EXPECT_THAT(message([&] { config.at("mosaic"); }), HasSubstr("there is no augmentation 'mosaic'"));
}

TEST(AugmentConfig, HoldsItsOptionsInPlaceWhenAnotherIsAssigned) {
  AugmentConfig config;
  Description description;
  describe(config, description);
  const AugmentConfig other{{"flip", true}, {"brightness", 1}, {"scale", std::vector{0.25, 0.5}}};
  config = other;
  EXPECT_EQ(*std::get<std::string*>(description.find_field("flip")->value), "random");
  EXPECT_EQ(config.get<double>("brightness"), 1);
  EXPECT_EQ(config.get<std::vector<double>>("scale"), (std::vector{0.25, 0.5}));
  AugmentConfig copy = config;
  copy.set("flip", false);
  EXPECT_EQ(config.get<std::string>("flip"), "random");
  config = std::move(copy);  // a configuration is never without its options
  EXPECT_EQ(config.get<std::string>("flip"), "none");
  EXPECT_EQ(copy.get<std::string>("flip"), "none");  // NOLINT(bugprone-use-after-move)
}

}  // namespace
}  // namespace ghost
