#include <algorithm>
#include <gtest/gtest.h>
#include <set>

#include "data/transforms.h"
#include "data_augment/augmented.h"

namespace ghost {
namespace {

using test::augmented;
using test::ByteVector;
using test::splits_of_pixels;

TEST(RandomCrop, TakesEveryPlaceOfThePaddedPicture) {
  Image marked = test::constant_image(4, 4, {1});
  marked.pixels[0] = 200;  // its corner tells where the crop was
  std::set<int64_t> places;
  for (uint64_t seed = 0; seed < 300; seed++) {
    const ByteVector out = augmented(marked, splits_of_pixels(4, 1), {{"crop_padding", 1}}, {.seed = seed});
    const auto at = std::find(out.begin(), out.end(), 200);
    if (at != out.end()) places.insert(at - out.begin());
  }
  EXPECT_EQ(places, (std::set<int64_t>{0, 1, 4, 5}));  // further up or left it is cut off
}

TEST(RandomCrop, OfASmallerPicturePadsItFirst) {
  // 2x2 in 4x4: zeros all round, then one more to each side: the picture moves by at most one.
  std::set<int64_t> places;
  for (uint64_t seed = 0; seed < 300; seed++) {
    const ByteVector out =
        augmented(test::constant_image(2, 2, {7}), splits_of_pixels(4, 1), {{"crop_padding", 1}}, {.seed = seed});
    EXPECT_EQ(std::count(out.begin(), out.end(), 7), 4);
    places.insert(std::find(out.begin(), out.end(), 7) - out.begin());
  }
  EXPECT_EQ(places, (std::set<int64_t>{0, 1, 2, 4, 5, 6, 8, 9, 10}));
}

TEST(RandomCrop, MirrorsThePictureAroundItIfAsked) {
  Image row = Image::zeros(1, 4, 1);
  row.pixels = {1, 2, 3, 4};
  EXPECT_EQ(crop_reflected(row, 0, -2, 1, 8).pixels, (ByteVector{3, 2, 1, 2, 3, 4, 3, 2}));
  EXPECT_EQ(crop_reflected(row, -1, -7, 2, 6).pixels, (ByteVector{2, 1, 2, 3, 4, 3, 2, 1, 2, 3, 4, 3}));
  const AugmentConfig augment{{"crop_padding", 2}, {"crop_padding_mode", "reflect"}};
  for (uint64_t seed = 0; seed < 50; seed++) {
    const ByteVector out = augmented(test::constant_image(4, 4, {7}), splits_of_pixels(4, 1), augment, {.seed = seed});
    EXPECT_EQ(out, ByteVector(16, 7)) << seed;
  }
}

}  // namespace
}  // namespace ghost
