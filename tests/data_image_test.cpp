#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "core/memory.h"
#include "data/image.h"
#include "support/picture_files.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::ByteVector;
using test::PngParts;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Image decoded(const ByteVector& bytes) { return decode_image(bytes, "x"); }

// What is said of a picture that must be refused; empty if it was not.
std::string refusal(const ByteVector& bytes, const std::string& name = "x") {
  try {
    decode_image(bytes, name);
    return "";
  } catch (const ImageError& error) {
    return error.what();
  }
}

std::vector<double> rgb_mean(const Image& image) {
  std::vector<double> mean(3);
  const auto count = static_cast<double>(image.height * image.width);
  for (int64_t p = 0; p < image.height * image.width; p++)
    for (int64_t c = 0; c < 3; c++) mean[c] += image.pixels[p * image.channels + (image.channels == 3 ? c : 0)] / count;
  return mean;
}

TEST(Image, PngGivesThePixelsBack) {
  for (const int64_t channels : {1, 3}) {
    const Image image = test::patterned_image(7, 5, channels);
    const Image back = decoded(test::png_bytes(image));
    EXPECT_EQ(back.height, 7);
    EXPECT_EQ(back.width, 5);
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
}

TEST(Image, SixteenBitsKeepTheHighByte) {
  const ByteVector rows{0, 0x12, 0x34, 0xFF, 0x80, 0x00, 0xFF};
  const Image grey = decoded(test::png_bytes({.width = 3, .height = 1, .depth = 16, .color_type = 0, .rows = rows}));
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, (ByteVector{0x12, 0xFF, 0x00}));
  const Image rgb = decoded(test::png_bytes({.width = 1, .height = 1, .depth = 16, .color_type = 2, .rows = rows}));
  EXPECT_EQ(rgb.pixels, (ByteVector{0x12, 0xFF, 0x00}));
}

TEST(Image, AlphaIsDroppedAndAPaletteExpanded) {
  const Image rgba =
      decoded(test::png_bytes({.width = 1, .height = 2, .color_type = 6, .rows = {0, 1, 2, 3, 0, 0, 4, 5, 6, 128}}));
  EXPECT_EQ(rgba.channels, 3);
  EXPECT_EQ(rgba.pixels, (ByteVector{1, 2, 3, 4, 5, 6}));
  const Image grey_alpha =
      decoded(test::png_bytes({.width = 2, .height = 1, .color_type = 4, .rows = {0, 9, 255, 8, 0}}));
  EXPECT_EQ(grey_alpha.channels, 1);
  EXPECT_EQ(grey_alpha.pixels, (ByteVector{9, 8}));
  const PngParts palette{.width = 2,
                         .height = 1,
                         .color_type = 3,
                         .rows = {0, 1, 0},
                         .palette = {10, 20, 30, 40, 50, 60},
                         .transparency = {0, 128}};
  EXPECT_EQ(decoded(test::png_bytes(palette)).pixels, (ByteVector{40, 50, 60, 10, 20, 30}));
}

TEST(Image, APaletteIndexOutsideOfThePaletteIsTheSameEveryTime) {
  const ByteVector png = test::png_bytes(
      {.width = 4, .height = 1, .color_type = 3, .rows = {0, 0, 200, 201, 255}, .palette = {10, 20, 30}});
  EXPECT_EQ(decoded(png).pixels, (ByteVector{10, 20, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Image, PngDataMustBeJustAsMuchAsTheHeaderAsksFor) {
  PngParts parts{.width = 2, .height = 2, .color_type = 0, .rows = {0, 1, 2, 0, 3, 4}};
  EXPECT_EQ(refusal(test::png_bytes(parts)), "");
  parts.after_rows.assign(50'000'000, 0);  // 50 kB of file
  EXPECT_THAT(refusal(test::png_bytes(parts)), HasSubstr("exceeds the 6 bytes of 2x2 pixels"));
  parts.after_rows.clear();
  parts.rows.pop_back();
  EXPECT_THAT(refusal(test::png_bytes(parts)), HasSubstr("5 of 6 bytes"));
}

TEST(Image, PngChunksAreChecked) {
  const ByteVector good = test::png_bytes(test::patterned_image(4, 4, 3));
  ByteVector bad = good;
  bad[good.size() - 20] ^= 1;  // in the compressed data: its checksum no longer fits
  EXPECT_THAT(refusal(bad), HasSubstr("wrong checksum of chunk IDAT"));
  const ByteVector start(good.begin(), good.begin() + 33), rest(good.begin() + 33, good.end());
  EXPECT_EQ(refusal(test::joined({start, test::png_chunk("teXt", ByteVector{1, 2}), rest})), "");
  EXPECT_THAT(refusal(test::joined({start, test::png_chunk("ABCD", {}), rest})), HasSubstr("ABCD"));
  EXPECT_THAT(refusal(test::joined({start, start})), HasSubstr("x: "));
  EXPECT_THAT(refusal(start), HasSubstr("truncated PNG"));
}

TEST(Image, BmpGivesThePixelsBack) {
  for (const int64_t width : {1, 2, 3, 4, 5}) {  // rows are padded to four bytes
    const Image image = test::patterned_image(3, width, 3, width);
    EXPECT_EQ(decoded(test::bmp_bytes(image)).pixels, image.pixels);
  }
}

TEST(Image, BmpThatIsCutOffOrCompressedIsRefused) {
  const ByteVector good = test::bmp_bytes(test::patterned_image(4, 5, 3));
  for (size_t size = 0; size < good.size(); size++)
    EXPECT_THAT(refusal({good.begin(), good.begin() + static_cast<int64_t>(size)}), StartsWith("x: ")) << size;
  ByteVector compressed = good;
  compressed[30] = 1;
  EXPECT_THAT(refusal(compressed), HasSubstr("compression 1"));
  ByteVector wide = good;
  wide[18] = wide[19] = wide[20] = 0xFF, wide[21] = 0x7F;
  EXPECT_THAT(refusal(wide), HasSubstr("more than the limit of 100 million"));
  ByteVector lowest = good;  // height −2^31
  lowest[22] = lowest[23] = lowest[24] = 0, lowest[25] = 0x80;
  EXPECT_THAT(refusal(lowest), HasSubstr("100 million"));
}

TEST(Image, BmpPaletteMustHoldItsColours) {
  // 2x1 of 8 bits with two colours.
  ByteVector bmp{'B', 'M', 66, 0, 0, 0, 0, 0, 0, 0, 62, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0,
                 1,   0,   0,  0, 1, 0, 8, 0, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0,
                 0,   0,   0,  0, 0, 0, 2, 0, 0, 0, 1,  2, 3, 0, 4,  5, 6, 0, 1, 0, 0, 0};
  bmp.erase(bmp.begin() + 46, bmp.begin() + 50);
  bmp.insert(bmp.begin() + 46, {2, 0, 0, 0});
  ASSERT_EQ(bmp.size(), 66u);
  EXPECT_EQ(decoded(bmp).pixels, (ByteVector{6, 5, 4, 3, 2, 1}));
  bmp[10] = 54;  // pixels where the colours should be
  EXPECT_THAT(refusal(bmp), HasSubstr("no colour table"));
}

TEST(Image, OtherFormatsAreCalledByTheirName) {
  const auto text = [](std::string_view t) { return ByteVector(t.begin(), t.end()); };
  EXPECT_EQ(refusal(text("GIF89a......"), "a.jpg"), "a.jpg: a GIF file, which is not supported; JPEG, PNG and BMP are");
  EXPECT_THAT(refusal(text("RIFF....WEBPVP8 ")), HasSubstr("WebP"));
  EXPECT_THAT(refusal(text(std::string_view("II*\0....", 8))), HasSubstr("TIFF"));
  EXPECT_THAT(refusal(text("....ftypheic....")), HasSubstr("HEIF"));
  EXPECT_THAT(refusal(text("<html>404</html>")), HasSubstr("text file"));
  EXPECT_EQ(refusal({}, "a.jpg"), "a.jpg: the file is empty");
}

TEST(Image, ReadingNamesTheFileAndTheReason) {
  const test::TempDir dir;
  const auto message = [](const std::filesystem::path& file) -> std::string {
    try {
      read_image(file);
      return "";
    } catch (const ImageError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(message(dir / "none.png"), AllOf(HasSubstr("none.png"), HasSubstr("No such file")));
  std::filesystem::create_directory(dir / "x.jpg");
  EXPECT_THAT(message(dir / "x.jpg"), HasSubstr("is a folder"));
  const auto file = dir.write("ä ö/b c.PNG", test::png_bytes(test::patterned_image(2, 2, 3)));
  EXPECT_EQ(read_image(file).pixels, test::patterned_image(2, 2, 3).pixels);
  ASSERT_EQ(mkfifo((dir / "pipe.jpg").c_str(), 0600), 0);
  EXPECT_THAT(message(dir / "pipe.jpg"), HasSubstr("not a file"));  // and does not wait for a writer
}

constexpr double kRounded = 0.006;  // the manifests have two decimals of Pillow's means

// Each file of the collection behaves as its manifest says.
class BadImages : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = test::shared_dir() / "data" / "bad-images";
    if (!exists(folder_ / "manifest.json")) GTEST_SKIP() << "no " << folder_;
    manifest_ = nlohmann::json::parse(test::file_text(folder_ / "manifest.json"));
  }
  std::filesystem::path folder_;
  nlohmann::json manifest_;
};

TEST_F(BadImages, AreDecodedOrRefusedAsTheManifestSays) {
  int valid = 0, broken = 0;
  for (const auto& entry : manifest_["files"]) {
    const std::string file = entry["file"], kind = entry["kind"];
    if (kind.starts_with("cifar") || kind.starts_with("st-")) continue;
    SCOPED_TRACE(file);
    const int64_t before = peak_resident_bytes();
    Image image;
    std::string error;
    try {
      image = read_image(folder_ / file);
    } catch (const ImageError& e) {
      error = e.what();
      EXPECT_THAT(error, HasSubstr(file));
    }
    if (kind == "broken" || kind == "bomb") {
      broken++;
      EXPECT_NE(error, "");
      EXPECT_LT(peak_resident_bytes() - before, 32 << 20);
    }
    if (kind == "unsupported" || (kind == "valid-or-unsupported" && !error.empty())) {
      EXPECT_THAT(error, HasSubstr("not supported"));
    }
    if (kind != "valid" && kind != "valid16") continue;
    valid++;
    ASSERT_EQ(error, "");
    EXPECT_EQ(image.width, entry["width"]);
    EXPECT_EQ(image.height, entry["height"]);
    if (file == "rgb16.png") {
      // The manifest's numbers are those of its bytes swapped; PNG has the high byte first, and Pillow reads 0 176 255.
      EXPECT_EQ(ByteVector(image.pixels.begin(), image.pixels.begin() + 3), (ByteVector{0, 176, 255}));
      continue;
    }
    const std::vector<double> mean = rgb_mean(image);
    for (size_t c = 0; c < 3; c++) EXPECT_NEAR(mean[c], entry["rgb_mean"][c].get<double>(), kRounded);
  }
  EXPECT_GE(valid, 20);
  EXPECT_GE(broken, 12);
}

TEST(ImagenetSample, DecodesToTheMeansOfItsManifest) {
  const std::filesystem::path folder = test::shared_dir() / "data" / "imagenet-sample";
  if (!exists(folder / "manifest.json")) GTEST_SKIP() << "no " << folder;
  const auto manifest = nlohmann::json::parse(test::file_text(folder / "manifest.json"));
  for (const auto& entry : manifest["images"]) {
    SCOPED_TRACE(entry["path"].get<std::string>());
    const Image image = read_image(folder / entry["path"].get<std::string>());
    EXPECT_EQ(image.width, entry["width"]);
    EXPECT_EQ(image.height, entry["height"]);
    EXPECT_EQ(image.channels, entry["mode"] == "L" ? 1 : 3);
    const std::vector<double> mean = rgb_mean(image);
    for (size_t c = 0; c < 3; c++) EXPECT_NEAR(mean[c], entry["pil_rgb_mean"][c].get<double>(), kRounded);
  }
}

}  // namespace
}  // namespace ghost
