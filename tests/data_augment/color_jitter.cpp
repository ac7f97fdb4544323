#include <gtest/gtest.h>
#include <set>

#include "data_augment/augmented.h"

namespace ghost {
namespace {

const Image kRgb = test::patterned_image(3, 4, 3);

void color_jitter(Image& image, double brightness, double contrast, RandomStream& random) {
  const AugmentConfig config{{"brightness", brightness}, {"contrast", contrast}};
  dynamic_cast<const PixelAugmentation&>(config.at("color_jitter")).apply(image, {}, random);
}

TEST(ColorJitter, OfStrengthZeroChangesNothingAndOrderIsRandom) {
  RandomStream random(0, "jitter");
  Image same = kRgb;
  color_jitter(same, 0, 0, random);
  EXPECT_EQ(same.pixels, kRgb.pixels);
  // Brightness 0 before contrast 0 gives black, after it grey: both orders must occur.
  std::set<std::string> results;
  for (uint64_t i = 0; i < 64; i++) {
    RandomStream stream(i, "jitter");
    Image image = kRgb;
    color_jitter(image, 0.9, 0.9, stream);
    results.emplace(image.pixels.begin(), image.pixels.end());
  }
  EXPECT_GT(results.size(), 60u);
}

TEST(ColorJitter, FactorsStayWithinTheStrength) {
  for (uint64_t i = 0; i < 200; i++) {
    RandomStream random(i, "jitter");
    Image image = test::constant_image(1, 1, {100});
    color_jitter(image, 0.4, 0, random);
    EXPECT_GE(image.pixels[0], 59);
    EXPECT_LE(image.pixels[0], 140);
  }
}

TEST(ColorJitter, IsOnIfAnyStrengthIs) {
  for (const char* const key : {"brightness", "contrast", "saturation"})
    EXPECT_TRUE(AugmentConfig({{key, 0.1}}).at("color_jitter").on()) << key;
}

}  // namespace
}  // namespace ghost
