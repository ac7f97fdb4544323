// Mixup and cutmix.
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "data/augment/beta.h"
#include "data/batch_mixer.h"
#include "data_augment/augmented.h"
#include "support/data_sets.h"

namespace ghost {
namespace {

using testing::HasSubstr;

constexpr int64_t kCount = 5, kSide = 12, kClasses = 3;

// Image i is i everywhere; labels 0, 1, 2, 0, 1.
Batch numbered(int64_t number = 0) {
  Batch batch;
  std::vector<float> values;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < kCount; i++) {
    values.insert(values.end(), kSide * kSide, static_cast<float>(i));
    labels.push_back(i % kClasses);
    batch.indices.push_back(i);
  }
  batch.images = Tensor::from(values, {kCount, kSide, kSide, 1});
  batch.labels = Tensor::from(labels, {kCount});
  batch.number = number;
  return batch;
}

Batch mixed(const AugmentConfig& augment, int64_t number, const EpochKey& key = {}) {
  Batch batch = numbered(number);
  BatchMixer(augment, kClasses).mix(batch, key);
  return batch;
}

// The share that image 0 kept, by its target. Labels of neighbours differ.
double share_of(const Batch& batch) { return static_cast<double>(batch.targets.to_vector<float>()[0]); }

// Every target is the share of the image's own label and the rest of the next one's.
void expect_targets(const Batch& batch, double share) {
  const std::vector<double> targets = batch.targets.to_vector<double>();
  for (int64_t i = 0; i < kCount; i++)
    for (int64_t c = 0; c < kClasses; c++) {
      const double expected = share * (i % kClasses == c) + (1 - share) * ((i + 1) % kCount % kClasses == c);
      EXPECT_NEAR(targets[static_cast<size_t>(i * kClasses + c)], expected, 1e-6);
    }
}

TEST(Mixup, GivesWeightedMeansOfAnImageAndTheNextOne) {
  for (int64_t number = 0; number < 20; number++) {
    const Batch batch = mixed({{"mixup.alpha", 0.8}}, number);
    const double share = share_of(batch);
    expect_targets(batch, share);
    const std::vector<double> values = batch.images.to_vector<double>();
    for (int64_t i = 0; i < kCount; i++)
      for (int64_t p = 0; p < kSide * kSide; p++)
        ASSERT_NEAR(values[static_cast<size_t>(i * kSide * kSide + p)],
                    share * static_cast<double>(i) + (1 - share) * static_cast<double>((i + 1) % kCount), 1e-5);
  }
}

TEST(CutMix, PutsARectangleOfTheNextImageIntoEveryImage) {
  std::set<int64_t> areas;
  for (int64_t number = 0; number < 50; number++) {
    const Batch batch = mixed({{"cutmix.alpha", 1.0}}, number);
    const std::vector<float> values = batch.images.to_vector<float>();
    int64_t area = 0, top = kSide, left = kSide, bottom = -1, right = -1;
    for (int64_t y = 0; y < kSide; y++)
      for (int64_t x = 0; x < kSide; x++) {
        const auto at = [&](int64_t i) { return values[static_cast<size_t>((i * kSide + y) * kSide + x)]; };
        const bool other = at(0) == 1;
        for (int64_t i = 0; i < kCount; i++)
          ASSERT_EQ(at(i), static_cast<float>(other ? (i + 1) % kCount : i)) << "the same place in every image";
        if (!other) continue;
        area++;
        top = std::min(top, y), bottom = std::max(bottom, y), left = std::min(left, x), right = std::max(right, x);
      }
    if (area > 0) {
      EXPECT_EQ(area, (bottom - top + 1) * (right - left + 1)) << "a rectangle";
    }
    areas.insert(area);
    expect_targets(batch, 1 - static_cast<double>(area) / (kSide * kSide));
  }
  EXPECT_GT(areas.size(), 10U);
}

TEST(Mixing, IsAFunctionOfSeedEpochAndBatch) {
  for (const char* key : {"mixup.alpha", "cutmix.alpha"}) {
    const AugmentConfig augment{{key, 1.0}};
    const auto values = [&](uint64_t seed, int64_t epoch, int64_t number) {
      return mixed(augment, number, {.seed = seed, .epoch = epoch}).images.to_vector<float>();
    };
    EXPECT_EQ(values(3, 4, 5), values(3, 4, 5)) << key;
    std::set<std::vector<float>> seeds, epochs, numbers;
    for (int64_t i = 0; i < 8; i++)
      seeds.insert(values(static_cast<uint64_t>(i), 0, 0)), epochs.insert(values(0, i, 0)),
          numbers.insert(values(0, 0, i));
    for (const auto& results : {seeds, epochs, numbers}) EXPECT_GT(results.size(), 4U) << key;
  }
}

TEST(Mixing, HappensWithItsProbability) {
  int64_t mixed_batches = 0;
  for (int64_t number = 0; number < 400; number++) {
    const Batch batch = mixed({{"mixup.alpha", 0.8}, {"mixup.probability", 0.25}}, number);
    const bool changed = batch.images.to_vector<float>() != numbered().images.to_vector<float>();
    expect_targets(batch, changed ? share_of(batch) : 1);
    mixed_batches += changed;
  }
  EXPECT_NEAR(static_cast<double>(mixed_batches), 100, 35);  // four deviations
}

TEST(Mixing, SwitchesBetweenTheTwo) {
  for (const double probability : {0.0, 0.2, 1.0}) {
    int64_t cut = 0;
    for (int64_t number = 0; number < 400; number++) {
      const Batch batch =
          mixed({{"mixup.alpha", 1.0}, {"cutmix.alpha", 1.0}, {"cutmix.switch_probability", probability}}, number);
      std::set<float> values;
      for (const float v : batch.images.to_vector<float>()) values.insert(v);
      cut += values.size() == kCount && *values.rbegin() == kCount - 1;  // no mean of two
    }
    EXPECT_NEAR(static_cast<double>(cut), 400 * probability, 33) << probability;
  }
}

TEST(Mixing, DrawsSharesFromTheBetaDistribution) {
  for (const double alpha : {0.1, 0.5, 1.0, 4.0}) {
    constexpr int kDraws = 20000;
    double sum = 0, squares = 0;
    for (uint64_t seed = 0; seed < kDraws; seed++) {
      RandomStream random(seed, "beta");
      const double share = symmetric_beta(alpha, random);
      ASSERT_TRUE(share >= 0 && share <= 1) << alpha;
      sum += share, squares += share * share;
    }
    const double mean = sum / kDraws, variance = squares / kDraws - mean * mean;
    EXPECT_NEAR(mean, 0.5, 0.015) << alpha;
    EXPECT_NEAR(variance, 1 / (4 * (2 * alpha + 1)), 0.006) << alpha;
  }
}

TEST(Mixing, IsRefusedWhereItCannotBe) {
  EXPECT_THAT(test::error_message([] {
                BatchMixer({{"mixup.alpha", 1.0}}, 1);
              }),
              HasSubstr("data.augment.mixup mixes images of different classes, but the data has a single class"));
  EXPECT_THAT(test::refusal({{"cutmix.alpha", 1.0}, {"cutmix.probability", 0.0}}),
              HasSubstr("data.augment.cutmix.probability is 0, but data.augment.cutmix.alpha is 1"));
  EXPECT_THAT(test::refusal({{"mixup.alpha", -1.0}}), HasSubstr("data.augment.mixup.alpha is -1"));
}

}  // namespace
}  // namespace ghost
