#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data_augment/augmented.h"

namespace ghost {
namespace {

using test::augmented;
using test::ByteVector;
using test::splits_of_pixels;

Image resized(const Image& image, int64_t height, int64_t width) {
  return resize_bilinear(image, {.height = image.height, .width = image.width}, height, width);
}

TEST(Preprocessor, EvaluationResizesThenCropsTheCentre) {
  const Image image = test::patterned_image(40, 60, 3);
  const Image expected = crop(resized(image, 16, 24), 1, 5, 14, 14);
  EXPECT_EQ(Preprocessor(splits_of_pixels(14, 3, 16), {}).evaluation_image(image).pixels, expected.pixels);
  EXPECT_EQ(augmented(image, splits_of_pixels(14, 3, 16), {}), expected.pixels);
}

TEST(Preprocessor, SmallerPicturesAreEnlargedAndThoseOfTheSizeLeftAsTheyAre) {
  const Preprocessor p(splits_of_pixels(14, 3, 16), {});
  const Image small = test::patterned_image(8, 12, 3);
  EXPECT_EQ(p.evaluation_image(small).pixels, crop(resized(small, 16, 24), 1, 5, 14, 14).pixels);
  const Image same = test::patterned_image(16, 19, 3);
  EXPECT_EQ(p.evaluation_image(same).pixels, crop(same, 1, 2, 14, 14).pixels);
}

TEST(Preprocessor, AResizeBelowTheSizePutsZerosAround) {
  const Preprocessor p(splits_of_pixels(4, 1, 2), {});
  Image stored = Image::zeros(2, 2, 1);
  stored.pixels = {1, 2, 3, 4};
  const ByteVector padded{0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0};
  EXPECT_EQ(p.evaluation_image(stored).pixels, padded);
  EXPECT_EQ(p.evaluation_image(resized(stored, 4, 4)).pixels,
            crop(resized(resized(stored, 4, 4), 2, 2), -1, -1, 4, 4).pixels);
}

TEST(Preprocessor, WithoutEnlargingASmallPictureIsPaddedAndALargeOneShrunk) {
  const Preprocessor p(splits_of_pixels(4, 1), {});
  Image small = Image::zeros(2, 2, 1);
  small.pixels = {1, 2, 3, 4};
  EXPECT_EQ(p.evaluation_image(small).pixels, (ByteVector{0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0}));
  const Image large = test::patterned_image(5, 7, 1);
  EXPECT_EQ(p.evaluation_image(large).pixels, crop(resized(large, 4, 5), 0, 0, 4, 4).pixels);
  const Image wide = test::patterned_image(3, 7, 1);  // not larger on both sides: its columns are cut off
  EXPECT_EQ(p.evaluation_image(wide).pixels, crop(wide, 0, 2, 4, 4).pixels);
}

TEST(Preprocessor, ConvertsChannels) {
  const Image rgb = test::patterned_image(3, 3, 3), grey = test::patterned_image(5, 5, 1);
  EXPECT_EQ(Preprocessor(splits_of_pixels(3, 1), {}).evaluation_image(rgb).pixels, with_channels(rgb, 1).pixels);
  EXPECT_EQ(Preprocessor(splits_of_pixels(5, 3), {}).evaluation_image(grey).pixels, with_channels(grey, 3).pixels);
}

TEST(Preprocessor, AStripThatWouldGrowTooLargeIsRefused) {
  const Image strip = Image::zeros(1, 60'000, 1);
  const Preprocessor p(splits_of_pixels(100, 1, 100), {});
  EXPECT_THROW(p.evaluation_image(strip), ImageError);
  EXPECT_THROW(augmented(strip, splits_of_pixels(100, 1, 100), {{"crop_padding", 1}}), ImageError);
}

TEST(Preprocessor, ACopyKeepsItsAugmentations) {
  const Image image = test::patterned_image(16, 16, 3);
  const auto values = [&](const Preprocessor& p) {
    std::vector<float> out(static_cast<size_t>(p.values()));
    p.training(image, {.seed = 3}, out.data());
    return out;
  };
  auto original = std::make_unique<Preprocessor>(splits_of_pixels(16, 3), AugmentConfig{{"brightness", 0.9}});
  const std::vector<float> expected = values(*original);
  const Preprocessor copy = *original;
  original.reset();
  EXPECT_EQ(values(copy), expected);
}

}  // namespace
}  // namespace ghost
