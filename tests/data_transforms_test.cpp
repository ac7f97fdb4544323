#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "data/preprocess.h"
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
    const Image image = resize_shorter_side(Image::zeros(h, w, 1), side);
    return std::pair(image.height, image.width);
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
  const auto first = [](int64_t side, int64_t size) {
    return center_crop(series(side, side, 1, 1, 0), size).pixels[0];
  };
  EXPECT_EQ(first(5, 2), 2 * 5 + 2);  // 1.5 → 2
  EXPECT_EQ(first(7, 2), 2 * 7 + 2);  // 2.5 → 2
  EXPECT_EQ(first(6, 2), 2 * 6 + 2);
  EXPECT_EQ(first(3, 3), 0);
}

TEST(Crop, CentreOfASmallPictureIsPadded) {
  EXPECT_EQ(center_crop(series(1, 1, 1, 0, 9), 3).pixels, (ByteVector{0, 0, 0, 0, 9, 0, 0, 0, 0}));
  EXPECT_EQ(center_crop(series(1, 1, 1, 0, 9), 2).pixels, (ByteVector{9, 0, 0, 0}));
  EXPECT_EQ(center_crop(series(1, 3, 1, 1, 1), 2).pixels, (ByteVector{1, 2, 0, 0}));  // (3 − 2)/2 = 0.5 → 0
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

TEST(Color, JitterOfStrengthZeroChangesNothingAndOrderIsRandom) {
  RandomStream random(0, "jitter");
  Image same = kRgb;
  color_jitter(same, 0, 0, 0, random);
  EXPECT_EQ(same.pixels, kRgb.pixels);
  // Brightness 0 before contrast 0 gives black, after it grey: both orders must occur.
  std::set<std::string> results;
  for (uint64_t i = 0; i < 64; i++) {
    RandomStream stream(i, "jitter");
    Image image = kRgb;
    color_jitter(image, 0.9, 0.9, 0, stream);
    results.emplace(image.pixels.begin(), image.pixels.end());
  }
  EXPECT_GT(results.size(), 60u);
}

TEST(Color, JitterFactorsStayWithinTheStrength) {
  for (uint64_t i = 0; i < 200; i++) {
    RandomStream random(i, "jitter");
    Image image = test::constant_image(1, 1, {100});
    color_jitter(image, 0.4, 0, 0, random);
    EXPECT_GE(image.pixels[0], 59);
    EXPECT_LE(image.pixels[0], 140);
  }
}

TEST(Color, LightingHasTheEigenvectorsCovariance) {
  constexpr int kDraws = 20000;
  double sum[3][3] = {}, mean[3] = {};
  RandomStream random(3, "lighting");
  for (int i = 0; i < kDraws; i++) {
    const auto offset = lighting_offset(0.1, random);
    for (size_t a = 0; a < 3; a++) {
      mean[a] += offset[a] / kDraws;
      for (size_t b = 0; b < 3; b++) sum[a][b] += offset[a] * offset[b] / kDraws;
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

TEST(RandomResizedCrop, KeepsAreaAndAspectWithinBounds) {
  for (uint64_t i = 0; i < 2000; i++) {
    RandomStream random(i, "crop");
    const Box box = random_resized_crop(300, 400, {0.2, 0.9}, random);
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
  const Box wide = random_resized_crop(30, 300, {1, 1}, random);
  EXPECT_EQ(wide.height, 30);
  EXPECT_EQ(wide.width, 40);
  EXPECT_EQ(wide.left, 130);
  const Box high = random_resized_crop(300, 30, {1, 1}, random);
  EXPECT_EQ(high.height, 40);
  EXPECT_EQ(high.width, 30);
  EXPECT_EQ(high.top, 130);
  const Box pixel = random_resized_crop(1, 1, {0.08, 1}, random);
  EXPECT_EQ(pixel.height, 1);
  EXPECT_EQ(pixel.width, 1);
}

TEST(Normalizer, IsTheFormulaInF32) {
  const std::vector<double> mean{0.4914, 0.4822, 0.4465}, std{0.2470, 0.2435, 0.2616};
  const Normalizer normalize(mean, std);
  std::vector<float> out(36);
  normalize(kRgb, out.data());
  for (size_t i = 0; i < 36; i++)
    EXPECT_EQ(out[i], (static_cast<float>(kRgb.pixels[i]) / 255 - static_cast<float>(mean[i % 3])) /
                          static_cast<float>(std[i % 3]));
  std::vector<float> shifted(36);
  normalize(kRgb, shifted.data(), std::array{0.1, 0.0, -0.2});
  EXPECT_NEAR(shifted[0] - out[0], 0.1 / 0.2470, 1e-6);
  EXPECT_EQ(shifted[1], out[1]);
  EXPECT_NEAR(shifted[2] - out[2], -0.2 / 0.2616, 1e-6);
}

TEST(Normalizer, RefusesWhatDoesNotFit) {
  EXPECT_THROW(Normalizer(std::vector{0.5}, std::vector{0.0}), Error);
  EXPECT_THROW(Normalizer(std::vector{0.5, 0.5}, std::vector{1.0}), Error);
  float out[36];
  EXPECT_THROW(Normalizer(std::vector{0.5}, std::vector{1.0})(kRgb, out), Error);
}

// Normalised by mean 0 and deviation 1/255, so that values are pixels again.
DataSplits splits(int64_t image_size, int64_t channels, int64_t resize) {
  const auto n = static_cast<size_t>(channels);
  return {.train = nullptr,
          .test = nullptr,
          .image_size = image_size,
          .channels = channels,
          .resize = resize,
          .mean = std::vector<double>(n, 0.0),
          .std = std::vector<double>(n, 1.0 / 255)};
}
ByteVector pixels(const std::vector<float>& values) {
  ByteVector out;
  for (const float v : values) out.push_back(static_cast<uint8_t>(std::lround(v)));
  return out;
}
ByteVector trained(const Image& image, const DataSplits& s, const AugmentConfig& augment, uint64_t seed = 0) {
  const Preprocessor preprocessor(s, augment);
  std::vector<float> out(static_cast<size_t>(preprocessor.values()));
  RandomStream random(seed, "augment", {0, 0});
  preprocessor.training(image, random, out.data());
  return pixels(out);
}

TEST(Preprocessor, EvaluationResizesThenCropsTheCentre) {
  const Image image = test::patterned_image(40, 60, 3);
  const Image expected = center_crop(resize_shorter_side(image, 16), 14);
  EXPECT_EQ(Preprocessor(splits(14, 3, 16), {}).evaluation_image(image).pixels, expected.pixels);
  EXPECT_EQ(trained(image, splits(14, 3, 16), {}), expected.pixels);
}

TEST(Preprocessor, WithoutResizeASmallPictureIsPaddedAndALargeOneShrunk) {
  const Preprocessor p(splits(4, 1, 0), {});
  EXPECT_EQ(p.evaluation_image(series(2, 2, 1, 1, 1)).pixels,
            (ByteVector{0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0}));
  EXPECT_EQ(p.evaluation_image(kGrey).pixels, center_crop(resize_shorter_side(kGrey, 4), 4).pixels);
}

TEST(Preprocessor, ConvertsChannels) {
  EXPECT_EQ(Preprocessor(splits(3, 1, 0), {}).evaluation_image(crop(kRgb, 0, 0, 3, 3)).pixels,
            with_channels(crop(kRgb, 0, 0, 3, 3), 1).pixels);
  EXPECT_EQ(Preprocessor(splits(5, 3, 0), {}).evaluation_image(crop(kGrey, 0, 0, 5, 5)).pixels,
            with_channels(crop(kGrey, 0, 0, 5, 5), 3).pixels);
}

TEST(Preprocessor, RandomCropTakesEveryPlaceOfThePaddedPicture) {
  const Image image = test::constant_image(4, 4, {1});
  Image marked = image;
  marked.pixels[0] = 200;  // its corner tells where the crop was
  std::set<int64_t> places;
  for (uint64_t seed = 0; seed < 300; seed++) {
    const ByteVector out = trained(marked, splits(4, 1, 0), {.crop_padding = 1}, seed);
    const auto at = std::find(out.begin(), out.end(), 200);
    if (at != out.end()) places.insert(at - out.begin());
  }
  EXPECT_EQ(places, (std::set<int64_t>{0, 1, 4, 5}));  // further up or left it is cut off
}

TEST(Preprocessor, RandomCropOfASmallerPicturePadsItFirst) {
  // 2x2 in 4x4: zeros all round, then one more to each side: the picture moves by at most one.
  std::set<int64_t> places;
  for (uint64_t seed = 0; seed < 300; seed++) {
    const ByteVector out = trained(test::constant_image(2, 2, {7}), splits(4, 1, 0), {.crop_padding = 1}, seed);
    EXPECT_EQ(std::count(out.begin(), out.end(), 7), 4);
    places.insert(std::find(out.begin(), out.end(), 7) - out.begin());
  }
  EXPECT_EQ(places, (std::set<int64_t>{0, 1, 2, 4, 5, 6, 8, 9, 10}));
}

TEST(Preprocessor, FlipsHalfOfThem) {
  const Image image = series(2, 2, 1, 1, 1);
  int flipped = 0;
  for (uint64_t seed = 0; seed < 1000; seed++) {
    const ByteVector out = trained(image, splits(2, 1, 0), {.flip = true}, seed);
    if (out == ByteVector{2, 1, 4, 3})
      flipped++;
    else
      EXPECT_EQ(out, image.pixels);
  }
  EXPECT_NEAR(flipped, 500, 64);  // four deviations
}

TEST(Preprocessor, TheSameDrawsGiveTheSameSample) {
  const Image image = test::patterned_image(40, 50, 3);
  const AugmentConfig augment{.flip = true,
                              .random_resized_crop = true,
                              .brightness = 0.4,
                              .contrast = 0.4,
                              .saturation = 0.4,
                              .lighting = 0.1};
  EXPECT_EQ(trained(image, splits(16, 3, 18), augment, 5), trained(image, splits(16, 3, 18), augment, 5));
  EXPECT_NE(trained(image, splits(16, 3, 18), augment, 5), trained(image, splits(16, 3, 18), augment, 6));
}

TEST(Preprocessor, LightingLeavesGreyAlone) {
  EXPECT_EQ(trained(kGrey, splits(5, 1, 0), {.lighting = 0.1}), trained(kGrey, splits(5, 1, 0), {}));
}

TEST(Augment, OptionsOutOfRangeAreNamed) {
  const auto message = [](const AugmentConfig& augment) -> std::string {
    try {
      check_options(augment, "data.augment");
      return "";
    } catch (const UsageError& error) {
      return error.what();
    }
  };
  using testing::HasSubstr;
  EXPECT_EQ(message({}), "");
  EXPECT_THAT(message({.crop_padding = -1}), HasSubstr("data.augment.crop_padding is -1"));
  EXPECT_THAT(message({.scale = {0.5, 0.2}}), HasSubstr("data.augment.scale is [0.5, 0.2]"));
  EXPECT_THAT(message({.scale = {0, 1}}), HasSubstr("scale"));
  EXPECT_THAT(message({.brightness = -0.1}), HasSubstr("brightness"));
  EXPECT_THAT(message({.lighting = std::nan("")}), HasSubstr("lighting"));
  EXPECT_THAT(message({.crop_padding = 4, .random_resized_crop = true}), HasSubstr("an image is cropped once"));
}

}  // namespace
}  // namespace ghost
