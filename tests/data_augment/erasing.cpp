// Random erasing and cutout.
#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data_augment/augmented.h"

namespace ghost {
namespace {

using test::augmented;
using test::augmented_values;
using test::ByteVector;
using test::splits_of_pixels;

struct Erased {
  int64_t height = 0, width = 0, top = 0, left = 0;
};

// The rectangle of the values that are not `kept`, which must be all of it.
Erased erased_part(const std::vector<float>& values, int64_t side, float kept) {
  int64_t top = side, left = side, bottom = -1, right = -1, count = 0;
  for (int64_t y = 0; y < side; y++)
    for (int64_t x = 0; x < side; x++) {
      if (values[static_cast<size_t>(y * side + x)] == kept) continue;
      top = std::min(top, y), bottom = std::max(bottom, y), left = std::min(left, x), right = std::max(right, x);
      count++;
    }
  if (count == 0) return {};
  EXPECT_EQ(count, (bottom - top + 1) * (right - left + 1)) << "not a rectangle";
  return {bottom - top + 1, right - left + 1, top, left};
}

TEST(RandomErasing, ErasesRectanglesOfTheSharesAndAspectsThatAreAskedFor) {
  constexpr int64_t kSide = 40;
  const AugmentConfig augment{{"random_erasing.probability", 0.5}};
  int count = 0;
  double smallest = 1, largest = 0, flattest = 10, tallest = 0;
  for (uint64_t seed = 0; seed < 2000; seed++) {
    const Erased part = erased_part(
        augmented_values(test::constant_image(kSide, kSide, {9}), splits_of_pixels(kSide, 1), augment, {.seed = seed}),
        kSide, 9);
    if (part.height == 0) continue;
    count++;
    const auto h = static_cast<double>(part.height), w = static_cast<double>(part.width);
    smallest = std::min(smallest, h * w / (kSide * kSide)), largest = std::max(largest, h * w / (kSide * kSide));
    flattest = std::min(flattest, h / w), tallest = std::max(tallest, h / w);
  }
  EXPECT_NEAR(count, 1000, 90);  // four deviations
  EXPECT_NEAR(smallest, 0.02, 0.006);
  EXPECT_NEAR(largest, 0.33, 0.02);
  EXPECT_NEAR(flattest, 0.3, 0.06);
  EXPECT_NEAR(tallest, 3.3, 0.6);
}

TEST(RandomErasing, FillsInWhatIsAskedFor) {
  constexpr int64_t kSide = 20;
  Image halves = test::constant_image(kSide, kSide, {10});
  std::fill(halves.pixels.begin(), halves.pixels.begin() + kSide * kSide / 2, uint8_t{30});
  const auto erased = [&](const std::string& value) {
    const AugmentConfig augment{{"random_erasing.probability", 1},
                                {"random_erasing.area", std::vector{0.2, 0.2}},
                                {"random_erasing.value", value}};
    std::vector<float> filled;
    for (const float v : augmented_values(halves, splits_of_pixels(kSide, 1), augment))
      if (std::abs(v - 10) > 1e-3F && std::abs(v - 30) > 1e-3F) filled.push_back(v);
    return filled;
  };
  EXPECT_THAT(erased("0"), testing::Each(0.0F));
  EXPECT_THAT(erased("mean"), testing::Each(testing::FloatEq(20)));
  const std::vector<float> noise = erased("noise");
  ASSERT_GT(noise.size(), 60U);
  double sum = 0, squares = 0;
  for (const float v : noise) sum += v, squares += v * v;
  const auto n = static_cast<double>(noise.size());
  EXPECT_NEAR(sum / n, 0, 0.5);
  EXPECT_NEAR(std::sqrt(squares / n), 1, 0.3);
}

TEST(RandomErasing, RangesGoUpwards) {
  EXPECT_EQ(test::refusal({{"random_erasing.area", std::vector{0.4, 0.1}}}),
            "data.augment.random_erasing.area is [0.4, 0.1], but the smallest comes first: [0.1, 0.4]");
  EXPECT_EQ(test::refusal({{"random_erasing.area", std::vector{0.0, 0.1}}}),
            "data.augment.random_erasing.area (value 1 of 2) is 0, but must be in (0, 1]");
}

TEST(Cutout, IsASquareAboutAnyPixel) {
  constexpr int64_t kSide = 12;
  int whole = 0;
  for (uint64_t seed = 0; seed < 500; seed++) {
    const Erased part = erased_part(augmented_values(test::constant_image(kSide, kSide, {9}),
                                                     splits_of_pixels(kSide, 1), {{"cutout", 4}}, {.seed = seed}),
                                    kSide, 9);
    ASSERT_TRUE(part.height >= 2 && part.height <= 4 && part.width >= 2 && part.width <= 4) << seed;
    whole += part.height == 4 && part.width == 4;
  }
  EXPECT_NEAR(whole, 500 * 81 / 144, 45);  // 9 of 12 places in each direction leave it whole; four deviations
}

}  // namespace
}  // namespace ghost
