// RandAugment and TrivialAugment; what their operations do is held by reference_test.
#include <gtest/gtest.h>
#include <set>

#include "data/augment/operations.h"
#include "data_augment/augmented.h"

namespace ghost {
namespace {

constexpr PictureSize kSize{.height = 331, .width = 662};

double rand_augment(std::string_view name, double strength) {
  return picture_operation(name).rand_augment(strength, kSize);
}
double trivial_augment(std::string_view name, double strength) {
  return picture_operation(name).trivial_augment(strength, kSize);
}

// torchvision's _augmentation_space of both policies, first and last of their magnitudes.
TEST(PictureOperations, HaveTorchvisionsMagnitudes) {
  EXPECT_DOUBLE_EQ(rand_augment("ShearX", 1), 0.3);
  EXPECT_DOUBLE_EQ(rand_augment("TranslateX", 1), 300);
  EXPECT_DOUBLE_EQ(rand_augment("TranslateY", 0.5), 75);
  EXPECT_DOUBLE_EQ(rand_augment("Rotate", 1), 30);
  EXPECT_DOUBLE_EQ(rand_augment("Color", 1), 0.9);
  EXPECT_DOUBLE_EQ(rand_augment("Posterize", 0), 8);
  EXPECT_DOUBLE_EQ(rand_augment("Posterize", 1), 4);
  EXPECT_DOUBLE_EQ(rand_augment("Posterize", 9.0 / 30), 7);
  EXPECT_DOUBLE_EQ(rand_augment("Solarize", 0), 255);
  EXPECT_DOUBLE_EQ(rand_augment("Solarize", 1), 0);
  EXPECT_DOUBLE_EQ(trivial_augment("ShearY", 1), 0.99);
  EXPECT_DOUBLE_EQ(trivial_augment("TranslateX", 1), 32);
  EXPECT_DOUBLE_EQ(trivial_augment("Rotate", 1), 135);
  EXPECT_DOUBLE_EQ(trivial_augment("Posterize", 1), 2);
  EXPECT_DOUBLE_EQ(trivial_augment("Sharpness", 1), 0.99);
}

// How many different results many seeds give.
size_t kinds_of_results(const AugmentConfig& augment, int count) {
  std::set<test::ByteVector> results;
  for (int i = 0; i < count; i++)
    results.insert(test::augmented(test::patterned_image(16, 16, 3), test::splits_of_pixels(16, 3), augment,
                                   {.seed = static_cast<uint64_t>(i)}));
  return results.size();
}

// One magnitude: identity, four operations with one result and nine with two signs; contrast and the like may fall
// together with another. With a spread nearly every image is one of its own kind.
TEST(RandAugment, DrawsOperationsSignsAndMagnitudes) {
  const size_t fixed = kinds_of_results({{"rand_augment.number", 1}, {"rand_augment.magnitude", 9}}, 400);
  EXPECT_GE(fixed, 18U);
  EXPECT_LE(fixed, 23U);
  EXPECT_GT(kinds_of_results({{"rand_augment.number", 1}, {"rand_augment.spread", 3}}, 400), 120U);
  EXPECT_GT(kinds_of_results({{"rand_augment.number", 2}, {"rand_augment.magnitude", 9}}, 400), 120U);
}

TEST(TrivialAugment, DrawsOneOperationOfAnyStrength) {
  EXPECT_GT(kinds_of_results({{"trivial_augment", true}}, 400), 150U);
}

}  // namespace
}  // namespace ghost
