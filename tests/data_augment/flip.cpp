#include <gtest/gtest.h>

#include "data_augment/augmented.h"

namespace ghost {
namespace {

const test::ByteVector kStored{1, 2, 3, 4}, kFlipped{2, 1, 4, 3};

// 2x2 pixels as they are seen; whether they are flipped.
bool is_flipped(const AugmentConfig& augment, const SampleKey& key) {
  Image image = Image::zeros(2, 2, 1);
  image.pixels = kStored;
  const test::ByteVector out = test::augmented(image, test::splits_of_pixels(2, 1), augment, key);
  EXPECT_TRUE(out == kStored || out == kFlipped);
  return out == kFlipped;
}

TEST(RandomFlip, FlipsHalfOfThem) {
  int flipped = 0;
  for (uint64_t seed = 0; seed < 1000; seed++) flipped += is_flipped({{"flip", true}}, {.seed = seed});
  EXPECT_NEAR(flipped, 500, 64);  // four deviations
}

TEST(AlternateFlip, FlipsEveryOtherEpochAfterARandomStart) {
  const AugmentConfig alternate{{"flip", "alternate"}};
  int at_first = 0;
  for (int64_t sample = 0; sample < 1000; sample++) {
    const bool first = is_flipped(alternate, {.seed = 3, .epoch = 0, .sample = sample});
    at_first += first;
    for (int64_t epoch = 1; epoch < 4; epoch++)
      ASSERT_EQ(is_flipped(alternate, {.seed = 3, .epoch = epoch, .sample = sample}), first == (epoch % 2 == 0));
  }
  EXPECT_NEAR(at_first, 500, 64);
}

TEST(Flip, TrueAndFalseAreOtherSpellingsOfRandomAndNone) {
  AugmentConfig config{{"flip", true}};
  EXPECT_EQ(config.get<std::string>("flip"), "random");
  config.set("flip", false);
  EXPECT_EQ(config.get<std::string>("flip"), "none");
}

}  // namespace
}  // namespace ghost
