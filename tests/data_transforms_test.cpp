#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/framing.h"
#include "data/transforms.h"
#include "support/picture_files.h"

namespace ghost {
namespace {

using test::ByteVector;

// value i of (H, W, C) = (step·i + first) mod 256
Image series(int64_t height, int64_t width, int64_t channels, int step, int first) {
  Image image = Image::zeros(height, width, channels);
  for (size_t i = 0; i < image.pixels.size(); i++)
    image.pixels[i] = static_cast<uint8_t>(step * static_cast<int>(i) + first);
  return image;
}
Image resize_bilinear(const Image& image, int64_t height, int64_t width) {
  return ghost::resize_bilinear(image, {.height = image.height, .width = image.width}, height, width);
}
// The (size, size) pixels of the centre; nothing is resized.
Image center_of(const Image& image, int64_t size) {
  const FramingTarget target{.size = size, .resize = std::min(image.height, image.width)};
  return framed(image, center_of_picture({.height = image.height, .width = image.width}, target), size);
}
const Image kGrey = series(5, 7, 1, 37, 11), kRgb = series(3, 4, 3, 53, 7);

// The numbers of the next three tests are what Pillow 9.4 gives for these pictures.
TEST(Resize, IsPillowsBilinearToTheBit) {
  EXPECT_EQ(resize_bilinear(kGrey, 3, 4).pixels, (ByteVector{31, 89, 157, 215, 36, 94, 162, 220, 41, 99, 167, 225}));
  EXPECT_EQ(resize_bilinear(kGrey, 8, 9).pixels,
            (ByteVector{11, 36, 64, 93,  122, 151, 180, 208, 233, 12, 37, 65, 94,  123, 152, 181, 209, 234,
                        14, 39, 67, 96,  125, 154, 183, 211, 236, 16, 41, 69, 98,  127, 156, 185, 213, 238,
                        18, 43, 71, 100, 129, 158, 187, 215, 240, 20, 45, 73, 102, 131, 160, 189, 217, 242,
                        22, 47, 75, 104, 133, 162, 191, 219, 244, 23, 48, 76, 105, 134, 163, 192, 220, 245}));
  EXPECT_EQ(resize_bilinear(kRgb, 2, 3).pixels,
            (ByteVector{73, 126, 131, 117, 170, 95, 159, 101, 125, 180, 121, 126, 112, 165, 90, 154, 96, 120}));
}

TEST(Resize, OfABoxSeesNothingOutsideOfIt) {
  const Box box{.top = 1, .left = 1, .height = 3, .width = 5};
  EXPECT_EQ(resize_bilinear(kGrey, box, 2, 2).pixels, (ByteVector{89, 163, 93, 167}));
  EXPECT_EQ(resize_bilinear(kGrey, box, 2, 2).pixels, resize_bilinear(crop(kGrey, 1, 1, 3, 5), 2, 2).pixels);
  EXPECT_EQ(resize_bilinear(kRgb, {.top = 1, .left = 2, .height = 2, .width = 2}, 2, 2).pixels,
            crop(kRgb, 1, 2, 2, 2).pixels);
}

TEST(Resize, OneSideAlone) {
  const Image wide = resize_bilinear(kGrey, 5, 3), high = resize_bilinear(kGrey, 2, 7);
  EXPECT_EQ(wide.height, 5);
  EXPECT_EQ(wide.width, 3);
  EXPECT_EQ(high.height, 2);
  EXPECT_EQ(high.width, 7);
  EXPECT_EQ(resize_bilinear(wide, 2, 3).pixels, resize_bilinear(kGrey, 2, 3).pixels);  // rows first, rounded between
}

TEST(Resize, ABoxOutsideOfThePictureIsRefused) {
  EXPECT_THROW(resize_bilinear(kGrey, {.top = 0, .left = 3, .height = 5, .width = 5}, 2, 2), Error);
  EXPECT_THROW(resize_bilinear(kGrey, {.top = 0, .left = 0, .height = 0, .width = 5}, 2, 2), Error);
  EXPECT_THROW(resize_bilinear(kGrey, 0, 2), Error);
}

TEST(Resize, ShorterSideIsCutOffAsTorchvisionDoes) {
  const auto size = [](int64_t h, int64_t w, int64_t side) {
    const PictureSize resized = with_shorter_side({.height = h, .width = w}, side);
    return std::pair(resized.height, resized.width);
  };
  EXPECT_EQ(size(56, 75, 256), std::pair(int64_t{256}, int64_t{342}));  // 342.86
  EXPECT_EQ(size(530, 220, 256), std::pair(int64_t{616}, int64_t{256}));
  EXPECT_EQ(size(20, 20, 32), std::pair(int64_t{32}, int64_t{32}));
  EXPECT_EQ(size(1, 1, 5), std::pair(int64_t{5}, int64_t{5}));
}

TEST(Crop, OutsideOfThePictureAreZeros) {
  const Image image = series(2, 2, 1, 1, 1);  // 1 2 / 3 4
  EXPECT_EQ(crop(image, -1, -1, 4, 4).pixels, (ByteVector{0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0}));
  EXPECT_EQ(crop(image, 1, 1, 2, 2).pixels, (ByteVector{4, 0, 0, 0}));
  EXPECT_EQ(crop(image, 5, 0, 1, 2).pixels, (ByteVector{0, 0}));
  EXPECT_EQ(crop(image, 0, -9, 1, 2).pixels, (ByteVector{0, 0}));
}

TEST(Crop, CentreIsRoundedHalfToEven) {
  const auto first = [](int64_t side, int64_t size) { return center_of(series(side, side, 1, 1, 0), size).pixels[0]; };
  EXPECT_EQ(first(5, 2), 2 * 5 + 2);  // 1.5 → 2
  EXPECT_EQ(first(7, 2), 2 * 7 + 2);  // 2.5 → 2
  EXPECT_EQ(first(6, 2), 2 * 6 + 2);
  EXPECT_EQ(first(3, 3), 0);
}

TEST(Crop, CentreOfASmallPictureIsPadded) {
  EXPECT_EQ(center_of(series(1, 1, 1, 0, 9), 3).pixels, (ByteVector{0, 0, 0, 0, 9, 0, 0, 0, 0}));
  EXPECT_EQ(center_of(series(1, 1, 1, 0, 9), 2).pixels, (ByteVector{9, 0, 0, 0}));
  EXPECT_EQ(center_of(series(1, 3, 1, 1, 1), 2).pixels, (ByteVector{1, 2, 0, 0}));  // (3 − 2)/2 = 0.5 → 0
}

TEST(Flip, TurnsRowsRound) {
  Image grey = series(2, 3, 1, 1, 0);
  flip_horizontal(grey);
  EXPECT_EQ(grey.pixels, (ByteVector{2, 1, 0, 5, 4, 3}));
  Image rgb = series(1, 3, 3, 1, 0);
  flip_horizontal(rgb);
  EXPECT_EQ(rgb.pixels, (ByteVector{6, 7, 8, 3, 4, 5, 0, 1, 2}));
}

TEST(Channels, GreyIsPillowsLumaAndRgbItsRepetition) {
  EXPECT_EQ(with_channels(kRgb, 1).pixels, (ByteVector{50, 180, 112, 92, 174, 77, 207, 139, 119, 172, 104, 84}));
  EXPECT_EQ(with_channels(series(1, 2, 1, 3, 5), 3).pixels, (ByteVector{5, 5, 5, 8, 8, 8}));
  EXPECT_EQ(with_channels(kRgb, 3).pixels, kRgb.pixels);
  EXPECT_THROW(with_channels(kRgb, 2), Error);
}

TEST(Color, AdjustmentsArePillows) {
  const auto adjusted = [](auto adjust, double factor) {
    Image image = kRgb;
    adjust(image, factor);
    return image.pixels;
  };
  EXPECT_EQ(adjusted(adjust_brightness, 0.6),
            (ByteVector{4,   36,  67, 99, 131, 9,   41,  73, 105, 136, 15,  46, 78, 110, 142, 20,  52, 84,
                        115, 147, 25, 57, 89,  121, 153, 31, 63,  94,  126, 4,  36, 68,  100, 132, 10, 42}));
  EXPECT_EQ(adjusted(adjust_brightness, 1.4),
            (ByteVector{9,   84,  158, 232, 255, 22,  96,  170, 245, 255, 35,  109, 183, 255, 255, 47,  121, 196,
                        255, 255, 60,  134, 208, 255, 255, 72,  147, 221, 255, 11,  85,  159, 233, 255, 23,  98}));
  EXPECT_EQ(adjusted(adjust_contrast, 0.6),
            (ByteVector{54,  86,  118, 150, 181, 60,  91,  123, 155, 187, 65,  97, 129, 160, 192, 70,  102, 134,
                        166, 198, 76,  108, 139, 171, 203, 81,  113, 145, 177, 55, 87,  118, 150, 182, 60,  92}));
  EXPECT_EQ(adjusted(adjust_contrast, 1.4),
            (ByteVector{0,   33,  107, 182, 255, 0,   46,  120, 194, 255, 0,   58, 133, 207, 255, 0,   71, 145,
                        219, 255, 9,   84,  158, 232, 255, 22,  96,  170, 245, 0,  35,  109, 183, 255, 0,  47}));
  EXPECT_EQ(adjusted(adjust_saturation, 0.6),
            (ByteVector{24,  56,  87,  171, 203, 81,  86,  118, 149, 173, 51,  83, 148, 180, 211, 51,  83, 114,
                        198, 230, 108, 113, 145, 176, 200, 78,  110, 163, 195, 73, 78,  110, 141, 165, 43, 75}));
  EXPECT_EQ(adjusted(adjust_saturation, 1.4),
            (ByteVector{0,   64,  138, 160, 234, 0,   51,  126, 200, 255, 0,   72, 113, 188, 255, 16,  91, 165,
                        187, 255, 0,   78,  153, 227, 255, 25,  99,  152, 226, 0,  43,  118, 192, 255, 0,  64}));
  EXPECT_EQ(adjusted(adjust_contrast, 1), kRgb.pixels);
}

TEST(Normalizer, IsTheFormulaInF32) {
  const std::vector<double> mean{0.4914, 0.4822, 0.4465}, std{0.2470, 0.2435, 0.2616};
  const Normalizer normalize(mean, std);
  std::vector<float> out(36);
  normalize(kRgb, out.data());
  for (size_t i = 0; i < 36; i++)
    EXPECT_EQ(out[i], (static_cast<float>(kRgb.pixels[i]) / 255 - static_cast<float>(mean[i % 3])) /
                          static_cast<float>(std[i % 3]));
}

TEST(Normalizer, RefusesWhatDoesNotFit) {
  EXPECT_THROW(Normalizer(std::vector{0.5}, std::vector{0.0}), Error);
  EXPECT_THROW(Normalizer(std::vector{0.5, 0.5}, std::vector{1.0}), Error);
  float out[36];
  EXPECT_THROW(Normalizer(std::vector{0.5}, std::vector{1.0})(kRgb, out), Error);
}

}  // namespace
}  // namespace ghost
