// To which size pictures come, decided once from what their files declare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/image_folder.h"
#include "data/picture_size.h"
#include "data/preprocessing.h"
#include "data/sizing.h"
#include "support/data_sets.h"
#include "support/picture_files.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::ByteVector;
using test::open_message;
using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A JPEG with so many bytes of comments before its frame header, as cameras put previews there.
ByteVector commented(ByteVector jpeg, int segments) {
  ByteVector comments;
  for (int i = 0; i < segments; i++) {
    comments.insert(comments.end(), {0xFF, 0xFE, 0xFF, 0xFF});
    comments.insert(comments.end(), 0xFFFF - 2, 0xC0);
  }
  jpeg.insert(jpeg.begin() + 2, comments.begin(), comments.end());
  return jpeg;
}

TEST(DeclaredSize, IsThatOfTheDecodedPicture) {
  const TempDir dir;
  const Image image = test::patterned_image(11, 17, 3);
  const ByteVector jpeg = test::jpeg_bytes(image);
  for (const ByteVector& bytes : {test::png_bytes(image), jpeg, test::bmp_bytes(image), commented(jpeg, 3)}) {
    const auto file = dir.write("picture", bytes);
    EXPECT_EQ(declared_size(file), (PictureSize{11, 17}));
    const Image decoded = read_image(file);
    EXPECT_EQ(decoded.height, 11);
    EXPECT_EQ(decoded.width, 17);
  }
}

TEST(DeclaredSize, OfWhatSaysNoneIsNone) {
  const TempDir dir;
  const Image image = test::patterned_image(11, 17, 3);
  for (const ByteVector& bytes :
       {test::png_bytes(image), commented(test::jpeg_bytes(image), 1), test::bmp_bytes(image)})
    for (const size_t count : {0U, 1U, 2U, 3U, 9U, 17U})
      EXPECT_EQ(declared_size(dir.write("cut", ByteVector(bytes.begin(), bytes.begin() + count))), std::nullopt);
  EXPECT_EQ(declared_size(dir.write("text", "no picture, but long enough to be one")), std::nullopt);
  EXPECT_EQ(declared_size(dir / "nowhere"), std::nullopt);
  EXPECT_EQ(declared_size(dir.path()), std::nullopt);
}

// The kind of folder in which eight probes may or may not meet the one picture that is different.
class OddOne : public testing::Test {
 protected:
  static constexpr int kPictures = 37;
  void write(int odd) {
    for (int i = 0; i < kPictures; i++) {
      const int64_t side = i == odd ? 20 : 16;
      dir_.write(fmt::format("train/{}/{:02}.png", i % 2, i), test::png_bytes(test::patterned_image(side, side, 3, i)));
    }
  }
  DataSplits open(DataConfig config = {.image_size = 16}) const {
    config.name = "image_folder", config.root = dir_.str();
    return open_data(config, 0);
  }
  TempDir dir_;
};

TEST_F(OddOne, CountsWhereverItIs) {
  for (const char* file : {"val/0/a.png", "val/1/a.png"})
    dir_.write(file, test::png_bytes(test::patterned_image(30, 30, 3)));
  write(-1);
  EXPECT_EQ(open().resize, 16);
  EXPECT_EQ(open().sizing_note, "");
  for (int odd = 0; odd < kPictures; odd++) {
    write(odd);
    const DataSplits splits = open();
    EXPECT_EQ(splits.resize, 18) << odd;
    EXPECT_THAT(splits.sizing_note,
                AllOf(HasSubstr("36 of 37 pictures"), HasSubstr(fmt::format("/{:02}.png is 20×20", odd)),
                      HasSubstr("data.resize 16 would leave")));
  }
  EXPECT_EQ(open({.image_size = 16, .resize = 16}).resize, 16);
  EXPECT_EQ(open({.image_size = 32}).sizing_note, "") << "of no picture there is a doubt";
}

TEST_F(OddOne, CountsWhateverTheSeedAndTheLimit) {
  for (int i = 0; i < 20; i++)
    dir_.write(fmt::format("all/a/{}.png", i), test::png_bytes(test::patterned_image(i == 4 ? 9 : 8, 8, 3, i)));
  for (int i = 0; i < 20; i++)
    dir_.write(fmt::format("all/b/{}.png", i), test::png_bytes(test::patterned_image(8, 8, 3)));
  for (uint64_t seed = 0; seed < 8; seed++) {
    const DataConfig config{.name = "image_folder", .root = (dir_ / "all").string(), .image_size = 8, .limit_train = 2};
    EXPECT_EQ(open_data(config, seed).resize, 9) << seed;
  }
}

TEST_F(OddOne, ThatIsBrokenDoesNotCount) {
  for (const char* file : {"val/0/a.png", "val/1/a.png"})
    dir_.write(file, test::png_bytes(test::patterned_image(16, 16, 3)));
  write(-1);
  dir_.write("train/0/broken.png", "no picture");
  EXPECT_EQ(open().resize, 16);
}

TEST(Sizing, OfPicturesOfOneSizeChangesNoPixel) {
  EXPECT_EQ(resize_for_stored_size({32, 32}, 32, false), 32);
  EXPECT_EQ(resize_for_stored_size({32, 32}, 48, false), 48);
  EXPECT_EQ(resize_for_stored_size({28, 28}, 32, true), 28);
  EXPECT_EQ(resize_for_stored_size({20, 28}, 28, true), 20);
  EXPECT_EQ(resize_for_stored_size({14, 28}, 28, true), 28) << "not more than half as large";
  EXPECT_EQ(resize_for_stored_size({64, 64}, 32, true), 32);
}

TEST(DecidePreprocessing, NeedsFilesOnlyWhereTheyTell) {
  const auto decided = [](const DataConfig& config) { return decide_preprocessing(config, 0); };
  EXPECT_EQ(decided({.name = "cifar10"}),
            (Preprocessing{32, 32, 3, {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}}));
  EXPECT_EQ(decided({.name = "fashion_mnist", .root = "nowhere"}), (Preprocessing{32, 28, 1, {0.2860}, {0.3530}}));
  const std::vector<double> mean{0.485, 0.456, 0.406}, std{0.229, 0.224, 0.225};
  EXPECT_EQ(decided({.name = "image_folder", .root = "nowhere"}), (Preprocessing{224, 256, 3, mean, std}));
  EXPECT_EQ(decided({.name = "image_folder", .image_size = 32, .resize = 40}), (Preprocessing{32, 40, 3, mean, std}));
  EXPECT_EQ(decided({.name = "idx", .image_size = 8, .resize = 8, .mean = {0.5}, .std = {0.25}}),
            (Preprocessing{8, 8, 1, {0.5}, {0.25}}));
  EXPECT_THAT(test::error_message([&] { decided({.name = "idx", .image_size = 8}); }),
              AllOf(HasSubstr("set data.image_size and data.resize"), HasSubstr("data.root is not set")));

  const TempDir dir;
  for (const char* file : {"a/1.png", "a/2.png", "b/1.png", "b/2.png"})
    dir.write(file, test::png_bytes(test::patterned_image(16, 16, 3)));
  const DataConfig folder{.name = "image_folder", .root = dir.str(), .image_size = 16};
  EXPECT_EQ(decided(folder), preprocessing_of(open_data(folder, 0)));
  EXPECT_EQ(decided(folder).resize, 16);
}

TEST(Statistics, OfPixelsIn0To255AreRefusedWithWhatWasMeant) {
  EXPECT_EQ(open_message({.mean = {123.675, 116.28, 103.53}, .std = {0.229, 0.224, 0.225}}),
            "data.mean (value 1 of 3) is 123.675, but must be in [0, 1]; the nearest valid value is 0.485, which is "
            "123.675/255\n"
            "data.mean (value 2 of 3) is 116.28, but must be in [0, 1]; the nearest valid value is 0.456, which is "
            "116.28/255\n"
            "data.mean (value 3 of 3) is 103.53, but must be in [0, 1]; the nearest valid value is 0.406, which is "
            "103.53/255");
  EXPECT_THAT(open_message({.mean = {0.5}, .std = {58.395}}),
              HasSubstr("data.std (value 1 of 1) is 58.395, but must be in (0, 1]; the nearest valid value is 0.229"));
  EXPECT_THAT(open_message({.mean = {-0.1}, .std = {0.5}}),
              HasSubstr("data.mean (value 1 of 1) is -0.1, but must be in"));
  EXPECT_THAT(open_message({.mean = {0.5}, .std = {0}}),
              HasSubstr("data.std (value 1 of 1) is 0, but must be in (0, 1]"));
  EXPECT_THAT(open_message({.mean = {1000}, .std = {1}}), AllOf(HasSubstr("is 1000"), Not(HasSubstr("nearest"))));
}

TEST(Statistics, ThatAreSwappedAreRefusedWhereTheyCannotBe) {
  EXPECT_THAT(open_message({.mean = {0.229, 0.224, 0.225}, .std = {0.485, 0.456, 0.406}}),
              HasSubstr("values in 0..1 of mean 0.229 cannot deviate by 0.485: the two seem to be swapped"));
  // Such numbers could be, but for the data set at hand they are the usual ones.
  const TempDir dir;
  for (const char* part : {"train", "t10k"}) {
    dir.write(std::string(part) + "-images-idx3-ubyte", test::idx_bytes({2, 2, 2}, ByteVector(8)));
    dir.write(std::string(part) + "-labels-idx1-ubyte", test::idx_bytes({2}, ByteVector{0, 1}));
  }
  EXPECT_THAT(open_message({.name = "idx", .root = dir.str(), .mean = {0.3081}, .std = {0.1307}}),
              HasSubstr("these are the usual ones of idx swapped"));
  for (const auto& [mean, std] : std::vector<std::pair<std::vector<double>, std::vector<double>>>{
           {{0}, {1}}, {{0, 0, 0}, {1, 1, 1}}, {{0.49, 0.48, 0.45}, {0.5, 0.5, 0.5}}, {{0.1307}, {0.3081}}})
    EXPECT_THAT(open_message({.name = "idx", .root = dir.str(), .mean = mean, .std = std}), Not(HasSubstr("swapped")));
}

}  // namespace
}  // namespace ghost
