#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/image.h"
#include "data/jpeg.h"
#include "support/picture_files.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::ByteVector;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Image decoded(const ByteVector& bytes) { return decode_image(bytes, "x"); }

// What is said of a picture that must be refused; empty if it was not.
std::string refusal(const ByteVector& bytes) {
  try {
    decode_image(bytes, "x");
    return "";
  } catch (const ImageError& error) {
    return error.what();
  }
}

std::filesystem::path files() { return std::filesystem::path(GHOST_SOURCE_DIR) / "tests/data_jpeg"; }

TEST(Jpeg, HasThePixelsThatPillowSees) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(files())) {
    if (entry.path().extension() != ".jpg") continue;
    SCOPED_TRACE(entry.path().filename().string());
    const Image ours = read_image(entry.path());
    const Image pillow = read_image(std::filesystem::path(entry.path()).replace_extension(".png"));
    ASSERT_EQ(ours.height, pillow.height);
    ASSERT_EQ(ours.width, pillow.width);
    ASSERT_EQ(ours.channels, pillow.channels);
    EXPECT_EQ(ours.pixels, pillow.pixels);
    ++count;
  }
  EXPECT_EQ(count, 11);
}

TEST(Jpeg, FourComponentsNeedAnAdobeMarkerThatFits) {
  const auto with_transform = [](uint8_t transform) {
    ByteVector jpeg = test::file_bytes(files() / "cmyk.jpg");
    const std::string_view adobe = "Adobe";
    const auto at = std::search(jpeg.begin(), jpeg.end(), adobe.begin(), adobe.end());
    at[11] = transform;
    return jpeg;
  };
  EXPECT_EQ(refusal(with_transform(0)), "");
  EXPECT_EQ(refusal(with_transform(2)), "");
  EXPECT_EQ(refusal(with_transform(1)),
            "x: broken JPEG: four components with Adobe transform 1; 0 (CMYK) and 2 (YCCK) have four");
}

TEST(Jpeg, BrokenPictureDataIsNotDecodedToSomethingElse) {
  ByteVector jpeg = test::file_bytes(files() / "chroma_444.jpg");
  // Sixteen ones are the code of nothing in any table.
  for (auto at = jpeg.end() - 600; at < jpeg.end() - 500; at += 2) at[0] = 0xFF, at[1] = 0;
  EXPECT_THAT(refusal(jpeg), StartsWith("x: broken JPEG: "));
}

TEST(Jpeg, TheDecoderHasAName) { EXPECT_THAT(jpeg_decoder(), StartsWith("libjpeg-turbo ")); }

// The decoder itself would fill what is missing with grey.
TEST(Jpeg, EveryCutInItsDataIsFound) {
  // Whole blocks of 16x16: data of blocks outside of the picture may be missing.
  const ByteVector whole = test::jpeg_bytes(test::patterned_image(48, 48, 3));
  const Image image = decoded(whole);
  for (size_t size = 0; size + 8 < whole.size(); size += size < 700 ? 1 : 13)
    EXPECT_THAT(refusal({whole.begin(), whole.begin() + static_cast<int64_t>(size)}), StartsWith("x: ")) << size;
  const ByteVector no_end(whole.begin(), whole.end() - 2);
  EXPECT_EQ(decoded(no_end).pixels, image.pixels);
  ByteVector half_end(whole.begin(), whole.end() - 1);
  EXPECT_EQ(decoded(half_end).pixels, image.pixels);
  EXPECT_EQ(decoded(test::joined({whole, ByteVector(300, 0x5A)})).pixels, image.pixels);
  // A download into space that was set aside before.
  EXPECT_THAT(refusal(test::joined({ByteVector(whole.begin(), whole.begin() + 900), ByteVector(2000, 0)})),
              HasSubstr("zeros"));
}

TEST(Jpeg, AShortFileCannotClaimALargePicture) {
  ByteVector jpeg = test::jpeg_bytes(test::patterned_image(8, 8, 3));
  for (size_t i = 0; i + 9 < jpeg.size(); i++)
    if (jpeg[i] == 0xFF && jpeg[i + 1] == 0xC0) jpeg[i + 5] = jpeg[i + 7] = 0x20;  // 8,200 rows and columns
  EXPECT_THAT(refusal(jpeg), AllOf(HasSubstr("truncated JPEG"), HasSubstr("cannot hold 8200x8200 pixels")));
}

TEST(Jpeg, TablesAreChecked) {
  const ByteVector good = test::jpeg_bytes(test::patterned_image(8, 8, 3));
  const auto with = [&](uint8_t marker, auto change) {
    ByteVector jpeg = good;
    for (size_t i = 2; i + 1 < jpeg.size(); i++)
      if (jpeg[i] == 0xFF && jpeg[i + 1] == marker) return change(jpeg, i + 2), jpeg;
    return jpeg;
  };
  // More codes of one bit than there are.
  EXPECT_THAT(refusal(with(0xC4, [](ByteVector& b, size_t at) { b[at + 3] = 3; })), HasSubstr("Huffman table"));
  EXPECT_THAT(refusal(with(0xC4, [](ByteVector& b, size_t at) { b[at + 2] = 0x07; })), HasSubstr("Huffman table"));
  EXPECT_THAT(refusal(with(0xDB, [](ByteVector& b, size_t at) { b[at + 2] = 0x09; })), HasSubstr("quantisation table"));
  EXPECT_THAT(refusal(with(0xC0, [](ByteVector& b, size_t at) { b[at + 9] = 0; })), HasSubstr("sampling"));
  EXPECT_THAT(refusal(with(0xC0, [](ByteVector& b, size_t at) { b[at + 2] = 12; })), HasSubstr("12 bits"));
  EXPECT_THAT(refusal(with(0xC0, [](ByteVector& b, size_t at) { b[at - 1] = 0xC9; })), HasSubstr("arithmetic"));
  EXPECT_THAT(refusal(with(0xC0, [](ByteVector& b, size_t at) { b[at - 1] = 0xC3; })), HasSubstr("lossless"));
  EXPECT_THAT(refusal(with(0xC4, [](ByteVector& b, size_t at) { b[at - 1] = 0xE5; })), HasSubstr("not defined"));
}

}  // namespace
}  // namespace ghost
