#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data_augment/augmented.h"

namespace ghost {
namespace {

Box random_box(PictureSize picture, const std::vector<double>& scale, RandomStream& random) {
  const AugmentConfig config{{"random_resized_crop", true}, {"scale", scale}};
  const auto& one = dynamic_cast<const GeometryAugmentation&>(config.at("random_resized_crop"));
  const Framing framing = one.framing(picture, {.size = 24, .resize = 32}, random);
  EXPECT_EQ(framing.resized, (PictureSize{.height = 24, .width = 24}));
  EXPECT_EQ(framing.top, 0);
  EXPECT_EQ(framing.left, 0);
  return framing.part;
}

TEST(RandomResizedCrop, KeepsAreaAndAspectWithinBounds) {
  for (uint64_t i = 0; i < 2000; i++) {
    RandomStream random(i, "crop");
    const Box box = random_box({.height = 300, .width = 400}, {0.2, 0.9}, random);
    ASSERT_GE(box.top, 0);
    ASSERT_GE(box.left, 0);
    ASSERT_LE(box.top + box.height, 300);
    ASSERT_LE(box.left + box.width, 400);
    const double area = static_cast<double>(box.height * box.width) / (300 * 400);
    const double aspect = static_cast<double>(box.width) / static_cast<double>(box.height);
    EXPECT_GT(area, 0.19);
    EXPECT_LT(area, 0.91);
    EXPECT_GT(aspect, 0.74);
    EXPECT_LT(aspect, 1.35);
  }
}

TEST(RandomResizedCrop, FallsBackToTheMiddle) {
  RandomStream random(0, "crop");
  // No box of the whole area fits a picture of 10:1.
  const Box wide = random_box({.height = 30, .width = 300}, {1, 1}, random);
  EXPECT_EQ(wide.height, 30);
  EXPECT_EQ(wide.width, 40);
  EXPECT_EQ(wide.left, 130);
  const Box high = random_box({.height = 300, .width = 30}, {1, 1}, random);
  EXPECT_EQ(high.height, 40);
  EXPECT_EQ(high.width, 30);
  EXPECT_EQ(high.top, 130);
  const Box pixel = random_box({.height = 1, .width = 1}, {0.08, 1}, random);
  EXPECT_EQ(pixel.height, 1);
  EXPECT_EQ(pixel.width, 1);
}

TEST(RandomResizedCrop, TheSmallestShareComesFirst) {
  using testing::HasSubstr;
  EXPECT_EQ(test::refusal({{"scale", std::vector{0.5, 0.2}}}),
            "data.augment.scale is [0.5, 0.2], but the smallest share comes first");
  EXPECT_THAT(test::refusal({{"scale", std::vector{0.0, 1.0}}}), HasSubstr("scale (value 1 of 2) is 0, but must be"));
  EXPECT_EQ(test::refusal({{"scale", std::vector{0.5, 0.5}}}), "");
}

}  // namespace
}  // namespace ghost
