#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/memory.h"
#include "data/idx.h"
#include "data/registry.h"
#include "support/data_sets.h"
#include "support/picture_files.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;
using test::ByteVector;
using test::error_message;
using test::open_message;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

void write_idx(const TempDir& dir, bool gzip,
               const std::vector<std::string>& names = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
  const std::vector<ByteVector> files{test::idx_bytes({3, 2, 2}, ByteVector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}),
                                      test::idx_bytes({3}, ByteVector{0, 2, 1}),
                                      test::idx_bytes({2, 2, 2}, ByteVector{0, 1, 2, 3, 4, 5, 6, 7}),
                                      test::idx_bytes({2}, ByteVector{1, 2})};
  for (size_t i = 0; i < 4; i++)
    dir.write(names[i] + (gzip ? ".gz" : ""), gzip ? test::gzip_bytes(files[i]) : files[i]);
}

TEST(Idx, ReadsPlainAndCompressedFilesUnderTheirUsualNames) {
  for (const bool gzip : {false, true})
    for (const auto& names : {std::vector<std::string>{"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                                       "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                              std::vector<std::string>{"train-images.idx3-ubyte", "train-labels.idx1-ubyte",
                                                       "test-images.idx3-ubyte", "test-labels.idx1-ubyte"}}) {
      const TempDir dir;
      write_idx(dir, gzip, names);
      const DataSplits splits = open_data({.name = "idx", .root = dir.str()}, 0);
      EXPECT_EQ(splits.train->size(), 3);
      EXPECT_EQ(splits.test->size(), 2);
      EXPECT_EQ(splits.image_size, 2);
      EXPECT_EQ(splits.channels, 1);
      EXPECT_EQ(splits.resize, 2);
      EXPECT_THAT(splits.train->class_names(), ElementsAre("0", "1", "2"));
      EXPECT_EQ(splits.train->label(1), 2);
      EXPECT_EQ(splits.train->read(1).pixels, (ByteVector{4, 5, 6, 7}));
      EXPECT_EQ(splits.train->name(1), names[0] + (gzip ? ".gz" : "") + " image 1");
    }
}

TEST(Idx, APlainFileGoesBeforeItsCompressedTwin) {
  const TempDir dir;
  write_idx(dir, false);
  write_idx(dir, true);
  EXPECT_EQ(open_data({.name = "idx", .root = dir.str()}, 0).train->name(0), "train-images-idx3-ubyte image 0");
}

TEST(Idx, SmallerPicturesArePaddedMuchSmallerOnesResized) {
  const TempDir dir;
  write_idx(dir, false);
  EXPECT_EQ(open_data({.name = "idx", .root = dir.str(), .image_size = 3}, 0).resize, 2);
  EXPECT_EQ(open_data({.name = "idx", .root = dir.str(), .image_size = 4}, 0).resize, 4);
  EXPECT_EQ(open_data({.name = "idx", .root = dir.str(), .image_size = 1}, 0).resize, 1);
  EXPECT_EQ(open_data({.name = "idx", .root = dir.str(), .image_size = 3, .resize = 3}, 0).resize, 3);
}

TEST(Idx, MissingOrAmbiguousFilesAreNamed) {
  const TempDir dir;
  EXPECT_THAT(open_message({.name = "idx"}), HasSubstr("data.root is not set"));
  EXPECT_THAT(open_message({.name = "idx", .root = dir.str()}), HasSubstr("train-images-idx3-ubyte"));
  write_idx(dir, false);
  dir.write("emnist-train-images-idx3-ubyte", ByteVector{});
  EXPECT_THAT(open_message({.name = "idx", .root = dir.str()}),
              AllOf(HasSubstr("2 files of train images"), HasSubstr("emnist-train-images-idx3-ubyte")));
}

TEST(Idx, BrokenFilesAreNamedWithWhatIsWrong) {
  const TempDir dir;
  const auto read = [&](const ByteVector& bytes) {
    return error_message([&] { IdxFile(dir.write("f-idx", bytes)).values(); });
  };
  const ByteVector good = test::idx_bytes({2, 3}, ByteVector{1, 2, 3, 4, 5, 6});
  EXPECT_EQ(read(good), "");
  EXPECT_EQ(read(test::gzip_bytes(good)), "");
  for (size_t size = 0; size < good.size(); size++)
    EXPECT_THAT(read({good.begin(), good.begin() + static_cast<int64_t>(size)}), HasSubstr("f-idx")) << size;
  const ByteVector packed = test::gzip_bytes(good);
  for (size_t size = 0; size < packed.size(); size++)
    EXPECT_THAT(read({packed.begin(), packed.begin() + static_cast<int64_t>(size)}), HasSubstr("f-idx")) << size;
  EXPECT_THAT(read(test::joined({good, {9}})), HasSubstr("more than the 6 values"));
  EXPECT_THAT(read(test::gzip_bytes(test::joined({good, {9}}))), HasSubstr("more than the 6 values"));
  EXPECT_THAT(read({'<', 'h', 't', 'm', 'l', '>'}), AllOf(HasSubstr("not an IDX file"), HasSubstr("3c 68")));
  ByteVector floats = good;
  floats[2] = 0x0D;
  EXPECT_THAT(read(floats), HasSubstr("type 0x0d"));
  EXPECT_THAT(read(test::idx_bytes({0, 3}, {})), HasSubstr("dimension 0 is 0"));
  // 2^64 values would overflow.
  EXPECT_THAT(read(test::idx_bytes({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {})), HasSubstr("truncated"));
  EXPECT_THAT(read(test::gzip_bytes(test::idx_bytes({0xFFFFFFFF}, {}))), HasSubstr("truncated"));
  ByteVector damaged = test::gzip_bytes(good);
  damaged[damaged.size() - 6] ^= 1;  // its checksum
  EXPECT_THAT(read(damaged), HasSubstr("cannot be decompressed"));
}

TEST(Idx, MemoryIsTakenForValuesThatAreThereNotForPromises) {
  const TempDir dir;
  // What follows the compressed data makes the file long enough for what its header declares.
  constexpr uint32_t kPromised = 300 << 20;
  ByteVector bytes = test::gzip_bytes(test::idx_bytes({kPromised}, ByteVector(1000, 7)));
  bytes.resize(bytes.size() + kPromised / 1000);
  const int64_t before = peak_resident_bytes();
  EXPECT_THAT(error_message([&] { IdxFile(dir.write("f-idx", bytes)).values(); }), HasSubstr("truncated: 1000 values"));
  EXPECT_LT(peak_resident_bytes() - before, kPromised / 2);
}

TEST(Idx, PicturesThatDoNotFitTheirLabelsAreNotRead) {
  const TempDir dir;
  // A sparse file: neither making nor keeping it takes memory.
  const auto images = dir.write("i", test::idx_bytes({200, 1000, 1000}, ByteVector{}));
  std::filesystem::resize_file(images, std::filesystem::file_size(images) + 200'000'000);
  const int64_t before = peak_resident_bytes();
  EXPECT_THAT(error_message([&] {
                read_idx_pair(images, dir.write("l", test::idx_bytes({2}, ByteVector{0, 1})), {});
              }),
              AllOf(HasSubstr("200 images"), HasSubstr("2 labels")));
  EXPECT_LT(peak_resident_bytes() - before, 50'000'000);
  const ByteVector huge = test::gzip_bytes(test::idx_bytes({1, 1 << 16, 1 << 16}, ByteVector(10)));
  ByteVector padded = huge;
  padded.resize(huge.size() + (5 << 20));
  EXPECT_THAT(error_message([&] {
                read_idx_pair(dir.write("h", padded), dir.write("l", test::idx_bytes({1}, ByteVector{0})), {});
              }),
              HasSubstr("more than the limit of 100 million"));
}

TEST(Idx, PairsMustFitTogether) {
  const TempDir dir;
  const auto read = [&](const ByteVector& images, const ByteVector& labels, std::vector<std::string> names = {}) {
    return error_message([&] { read_idx_pair(dir.write("i", images), dir.write("l", labels), std::move(names)); });
  };
  const ByteVector images = test::idx_bytes({2, 1, 1}, ByteVector{5, 6});
  EXPECT_EQ(read(images, test::idx_bytes({2}, ByteVector{0, 1})), "");
  EXPECT_THAT(read(images, test::idx_bytes({3}, ByteVector{0, 1, 1})),
              AllOf(HasSubstr("2 images"), HasSubstr("3 labels")));
  EXPECT_THAT(read(images, test::idx_bytes({2}, ByteVector{0, 7}), {"a", "b"}), HasSubstr("label 7 of image 1"));
  EXPECT_THAT(read(test::idx_bytes({2}, ByteVector{5, 6}), test::idx_bytes({2}, ByteVector{0, 1})),
              HasSubstr("(N, H, W)"));
  EXPECT_EQ(read(test::idx_bytes({1, 1, 2, 3}, ByteVector(6)), test::idx_bytes({1}, ByteVector{0})), "");
  EXPECT_THAT(read(test::idx_bytes({1, 1, 2, 4}, ByteVector(8)), test::idx_bytes({1}, ByteVector{0})),
              HasSubstr("1 or 3"));
}

TEST(FashionMnist, IsFoundWhereDebianPutsIt) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "no Debian package dataset-fashion-mnist";
  const DataSplits splits = open_data({.name = "fashion_mnist"}, 0);
  EXPECT_EQ(splits.train->size(), 60000);
  EXPECT_EQ(splits.test->size(), 10000);
  EXPECT_EQ(splits.image_size, 32);
  EXPECT_EQ(splits.channels, 1);
  EXPECT_EQ(splits.resize, 28);
  EXPECT_THAT(splits.mean, ElementsAre(0.2860));
  EXPECT_THAT(splits.std, ElementsAre(0.3530));
  EXPECT_EQ(splits.train->class_names().at(0), "t-shirt/top");
  EXPECT_EQ(splits.train->read(0).width, 28);
  std::vector<int64_t> counts(10);
  double sum = 0;
  for (int64_t i = 0; i < 60000; i++) {
    counts[static_cast<size_t>(splits.train->label(i))]++;
    for (const uint8_t v : splits.train->read(i).pixels) sum += v;
  }
  EXPECT_THAT(counts, testing::Each(6000));
  EXPECT_NEAR(sum / (60000.0 * 784 * 255), 0.2860, 5e-5);
}

TEST(FashionMnist, SaysWhichPackageToInstall) {
  const TempDir dir;
  EXPECT_THAT(open_message({.name = "fashion_mnist", .root = dir.str() + "/none"}), HasSubstr("dataset-fashion-mnist"));
}

}  // namespace
}  // namespace ghost
