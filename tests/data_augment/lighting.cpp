#include <cmath>
#include <gtest/gtest.h>

#include "data_augment/augmented.h"

namespace ghost {
namespace {

TEST(Lighting, HasTheEigenvectorsCovariance) {
  constexpr int kDraws = 20000;
  const AugmentConfig config{{"lighting", 0.1}};
  const auto& lighting = dynamic_cast<const NormalizedAugmentation&>(config.at("lighting"));
  const std::array deviation{1.0f, 1.0f, 1.0f};
  double sum[3][3] = {}, mean[3] = {};
  RandomStream random(3, "lighting");
  for (int i = 0; i < kDraws; i++) {
    std::array<float, 3> offset{};  // of one pixel
    lighting.apply({.height = 1, .width = 1, .channels = 3, .values = offset.data(), .deviation = deviation}, random);
    for (size_t a = 0; a < 3; a++) {
      mean[a] += offset[a] / double{kDraws};
      for (size_t b = 0; b < 3; b++) sum[a][b] += double{offset[a]} * offset[b] / kDraws;
    }
  }
  // Σ_i p_i p_i' (0.1 λ_i)², dominated by the first: all three colours move together.
  const double red = std::pow(0.02175 * -0.5675, 2) + std::pow(0.00188 * 0.7192, 2) + std::pow(0.00045 * 0.4009, 2);
  const double red_green =
      0.02175 * 0.02175 * 0.5675 * 0.5808 - 0.00188 * 0.00188 * 0.7192 * 0.0045 - 0.00045 * 0.00045 * 0.4009 * 0.8140;
  EXPECT_NEAR(sum[0][0] / red, 1, 0.05);  // four deviations of a variance of 20,000 draws: 0.04
  EXPECT_NEAR(sum[0][1] / red_green, 1, 0.05);
  for (const double m : mean) EXPECT_NEAR(m, 0, 4 * 0.0126 / std::sqrt(kDraws));
}

TEST(Lighting, MovesEachColourByOneOffsetInUnitsOfItsDeviation) {
  const AugmentConfig config{{"lighting", 0.1}};
  const auto& lighting = dynamic_cast<const NormalizedAugmentation&>(config.at("lighting"));
  const auto moved = [&](const std::array<float, 3>& deviation) {
    std::array<float, 6> values{1, 2, 3, 1, 2, 3};  // two pixels
    RandomStream random(5, "lighting");
    lighting.apply({.height = 1, .width = 2, .channels = 3, .values = values.data(), .deviation = deviation}, random);
    return values;
  };
  const auto one = moved({1, 1, 1}), half = moved({0.5, 0.5, 0.25});
  for (size_t c = 0; c < 3; c++) {
    EXPECT_EQ(one[c], one[c + 3]);
    EXPECT_NE(one[c], static_cast<float>(c + 1));
    const float offset = one[c] - static_cast<float>(c + 1);
    EXPECT_NEAR(half[c] - static_cast<float>(c + 1), (c == 2 ? 4 : 2) * offset, 1e-6);
  }
}

TEST(Lighting, LeavesGreyAlone) {
  const Image grey = test::patterned_image(5, 5, 1);
  EXPECT_EQ(test::augmented(grey, test::splits_of_pixels(5, 1), {{"lighting", 0.1}}), grey.pixels);
}

}  // namespace
}  // namespace ghost
