#include <gtest/gtest.h>

#include "data_augment/augmented.h"

namespace ghost {
namespace {

TEST(RandomFlip, FlipsHalfOfThem) {
  Image image = Image::zeros(2, 2, 1);
  image.pixels = {1, 2, 3, 4};
  int flipped = 0;
  for (uint64_t seed = 0; seed < 1000; seed++) {
    const test::ByteVector out = test::augmented(image, test::splits_of_pixels(2, 1), {{"flip", true}}, {.seed = seed});
    if (out == test::ByteVector{2, 1, 4, 3})
      flipped++;
    else
      EXPECT_EQ(out, image.pixels);
  }
  EXPECT_NEAR(flipped, 500, 64);  // four deviations
}

}  // namespace
}  // namespace ghost
