#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>
#include <unistd.h>

#include "data/cifar.h"
#include "data/idx.h"
#include "data/image_folder.h"
#include "data/registry.h"
#include "support/picture_files.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;
using test::ByteVector;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

template <class F>
std::string message(F&& f) {
  try {
    f();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}
std::string open_message(const DataConfig& config) {
  return message([&] { open_data(config, 0); });
}

// One record of each of the classes 0 … 9, its red value 10·class.
ByteVector ten_records(bool coarse = false) {
  ByteVector all;
  for (uint8_t i = 0; i < 10; i++) {
    const uint8_t red = static_cast<uint8_t>(10 * i);
    all = test::joined({all, coarse ? test::cifar_record({1, i}, {red, 1, 2}) : test::cifar_record({i}, {red, 1, 2})});
  }
  return all;
}

void write_cifar10(const TempDir& dir, const std::string& below = "") {
  for (int i = 1; i <= 5; i++) dir.write(fs::path(below) / ("data_batch_" + std::to_string(i) + ".bin"), ten_records());
  dir.write(fs::path(below) / "test_batch.bin", ten_records());
}

TEST(Cifar, ReadsTheFolderItselfOrItsParent) {
  for (const char* below : {"", "cifar-10-batches-bin"}) {
    const TempDir dir;
    write_cifar10(dir, below);
    const DataSplits splits = open_data({.name = "cifar10", .root = dir.str()}, 0);
    EXPECT_EQ(splits.train->size(), 50);
    EXPECT_EQ(splits.test->size(), 10);
    EXPECT_EQ(splits.image_size, 32);
    EXPECT_EQ(splits.channels, 3);
    EXPECT_EQ(splits.resize, 0);
    EXPECT_THAT(splits.mean, ElementsAre(0.4914, 0.4822, 0.4465));
    EXPECT_THAT(splits.std, ElementsAre(0.2470, 0.2435, 0.2616));
    EXPECT_EQ(splits.train->class_names().at(9), "truck");
    EXPECT_EQ(splits.train->label(23), 3);
    EXPECT_EQ(splits.train->name(23), "data_batch_3.bin record 3");
    const Image image = splits.train->read(23);
    EXPECT_EQ(image.pixels.size(), 3072u);
    EXPECT_EQ(ByteVector(image.pixels.end() - 3, image.pixels.end()), (ByteVector{30, 1, 2}));
  }
}

TEST(Cifar, PlanesBecomePixelsInRowOrder) {
  const TempDir dir;
  ByteVector record{4};
  for (int i = 0; i < 3072; i++) record.push_back(static_cast<uint8_t>(i / 4));  // changes along a plane
  const DatasetPtr data = read_cifar({dir.write("a.bin", record)}, kCifar10, std::vector<std::string>(10));
  const Image image = data->read(0);
  for (const int64_t p : {0, 5, 37, 1023})
    for (const int64_t c : {0, 1, 2}) EXPECT_EQ(image.pixels[3 * p + c], static_cast<uint8_t>((1024 * c + p) / 4));
}

TEST(Cifar, HundredUsesTheFineLabelAndItsNames) {
  const TempDir dir;
  dir.write("cifar-100-binary/train.bin", ten_records(true));
  dir.write("cifar-100-binary/test.bin", ten_records(true));
  DataSplits splits = open_data({.name = "cifar100", .root = dir.str()}, 0);
  EXPECT_EQ(splits.train->class_names().size(), 100u);
  EXPECT_EQ(splits.train->class_names().at(99), "worm");
  EXPECT_EQ(splits.train->label(7), 7);
  EXPECT_EQ(splits.train->read(7).pixels[0], 70);
  std::string names;
  for (int i = 0; i < 100; i++) names += "n" + std::to_string(i) + "\n";
  dir.write("cifar-100-binary/fine_label_names.txt", names);
  splits = open_data({.name = "cifar100", .root = dir.str()}, 0);
  EXPECT_EQ(splits.test->class_names().at(99), "n99");
  dir.write("cifar-100-binary/fine_label_names.txt", "one");
  EXPECT_THAT(open_message({.name = "cifar100", .root = dir.str()}),
              AllOf(HasSubstr("fine_label_names.txt"), HasSubstr("1 class names"), HasSubstr("100")));
}

TEST(Cifar, OfficialNamesAreHundredInOrder) {
  const TempDir dir;
  dir.write("train.bin", ten_records(true));
  dir.write("test.bin", ten_records(true));
  const auto names = open_data({.name = "cifar100", .root = dir.str()}, 0).train->class_names();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 100u);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST(Cifar, MissingFilesAreNamed) {
  const TempDir dir;
  EXPECT_THAT(open_message({.name = "cifar10"}), HasSubstr("data.root is not set"));
  EXPECT_THAT(open_message({.name = "cifar10", .root = dir.str() + "/none"}), HasSubstr("not a folder"));
  EXPECT_THAT(open_message({.name = "cifar10", .root = dir.str()}), HasSubstr("data_batch_1.bin"));
  fs::create_directory(dir / "cifar-10-batches-py");
  EXPECT_THAT(open_message({.name = "cifar10", .root = dir.str()}), HasSubstr("binary version"));
  write_cifar10(dir);
  fs::remove(dir / "data_batch_4.bin");
  EXPECT_THAT(open_message({.name = "cifar10", .root = dir.str()}), HasSubstr("data_batch_4.bin is missing"));
}

TEST(Cifar, BrokenFilesAreNamedWithWhatIsWrong) {
  const TempDir dir;
  const auto read = [&](const ByteVector& bytes, const CifarLayout& layout = kCifar10) {
    return message([&] { read_cifar({dir.write("b.bin", bytes)}, layout, std::vector<std::string>(100)); });
  };
  EXPECT_EQ(read(ten_records()), "");
  EXPECT_THAT(read({}), AllOf(HasSubstr("b.bin"), HasSubstr("empty")));
  EXPECT_THAT(read(test::joined({ten_records(), ByteVector(1000)})),
              AllOf(HasSubstr("b.bin"), HasSubstr("1000 stray bytes")));
  ByteVector labelled = ten_records();
  labelled[4 * 3073] = 200;
  EXPECT_THAT(read(labelled), AllOf(HasSubstr("b.bin"), HasSubstr("record 4 has label 200")));
  EXPECT_THAT(read(ten_records(true)), HasSubstr("stray"));
  EXPECT_EQ(read(ten_records(true), kCifar100), "");
}

TEST(Cifar, TheCollectionOfBadFilesBehavesAsItsManifestSays) {
  const fs::path folder = test::shared_dir() / "data" / "bad-images";
  if (!exists(folder / "manifest.json")) GTEST_SKIP() << "no " << folder;
  const auto manifest = nlohmann::json::parse(test::file_text(folder / "manifest.json"));
  const auto read = [&](const std::string& file, const CifarLayout& layout) {
    return read_cifar({folder / file}, layout, std::vector<std::string>(static_cast<size_t>(layout.classes)));
  };
  const std::map<std::string, std::vector<std::string>> expected{{"cifar-truncated-record.bin", {"1000 stray bytes"}},
                                                                 {"cifar-label-200.bin", {"record 4", "label 200"}},
                                                                 {"cifar-empty.bin", {"empty"}},
                                                                 {"cifar100-layout.bin", {"30740 bytes", "3073"}}};
  int seen = 0;
  for (const auto& entry : manifest["files"]) {
    const std::string file = entry["file"], kind = entry["kind"];
    if (kind == "cifar-valid") {
      const DatasetPtr data = read(file, kCifar10);
      ASSERT_EQ(data->size(), entry["records"]);
      double mean[3] = {};
      for (int64_t i = 0; i < data->size(); i++) {
        const Image image = data->read(i);
        EXPECT_EQ(data->label(i), i);
        for (size_t k = 0; k < image.pixels.size(); k++)
          mean[k % 3] += image.pixels[k] / (1024.0 * static_cast<double>(data->size()));
      }
      for (size_t c = 0; c < 3; c++) EXPECT_NEAR(mean[c], entry["channel_mean"][c].get<double>(), 1e-3);
    } else if (kind == "cifar-broken") {
      seen++;
      const std::string error = message([&] { read(file, kCifar10); });
      EXPECT_THAT(error, HasSubstr(file));
      for (const std::string& part : expected.at(file)) EXPECT_THAT(error, HasSubstr(part));
    }
  }
  EXPECT_EQ(seen, 4);
  EXPECT_EQ(read("cifar100-layout.bin", kCifar100)->size(), 10);
}

TEST(Cifar, OptionsChangeSizeChannelsAndNormalisation) {
  const TempDir dir;
  write_cifar10(dir);
  DataConfig config{.name = "cifar10", .root = dir.str(), .image_size = 48, .channels = 1};
  DataSplits splits = open_data(config, 0);
  EXPECT_EQ(splits.image_size, 48);
  EXPECT_EQ(splits.resize, 48);
  EXPECT_EQ(splits.channels, 1);
  ASSERT_EQ(splits.mean.size(), 1u);
  EXPECT_NEAR(splits.mean[0], 0.299 * 0.4914 + 0.587 * 0.4822 + 0.114 * 0.4465, 1e-12);
  config.mean = {0.4};
  config.std = {0.3};
  splits = open_data(config, 0);
  EXPECT_THAT(splits.mean, ElementsAre(0.4));
  config.mean = {0.1, 0.2, 0.3};
  EXPECT_THAT(open_message(config), AllOf(HasSubstr("data.mean has 3 values"), HasSubstr("1 channel")));
  EXPECT_THAT(open_message({.name = "cifar10", .root = dir.str(), .image_size = 64, .resize = 48}),
              AllOf(HasSubstr("data.resize is 48"), HasSubstr("64")));
}

TEST(Limits, KeepASeededChoice) {
  const TempDir dir;
  write_cifar10(dir);
  const DataConfig config{.name = "cifar10", .root = dir.str(), .limit_train = 7, .limit_test = 100};
  const auto names = [&](uint64_t seed) {
    const DataSplits splits = open_data(config, seed);
    EXPECT_EQ(splits.train->size(), 7);
    EXPECT_EQ(splits.test->size(), 10);
    std::set<std::string> all;
    for (int64_t i = 0; i < 7; i++) all.insert(splits.train->name(i));
    EXPECT_EQ(all.size(), 7u);
    return all;
  };
  EXPECT_EQ(names(0), names(0));
  EXPECT_NE(names(0), names(1));
}

TEST(Registry, NamesTheNearestDataSet) {
  const std::string text = open_message({.name = "cifar01"});
  EXPECT_THAT(text, AllOf(HasSubstr("'cifar01'"), HasSubstr("did you mean 'cifar10'")));
  EXPECT_THROW(open_data({.name = "cifar01"}, 0), UsageError);
}

TEST(Registry, RefusesNumbersOutOfRange) {
  EXPECT_THAT(open_message({.name = "cifar10", .image_size = -1}), HasSubstr("data.image_size is -1"));
  EXPECT_THAT(open_message({.name = "cifar10", .channels = 2}), HasSubstr("data.channels is 2"));
  EXPECT_THAT(open_message({.name = "cifar10", .std = {0, 1, 1}}), HasSubstr("data.std is 0"));
  EXPECT_THAT(open_message({.name = "cifar10", .max_unreadable = 1.5}), HasSubstr("data.max_unreadable is 1.5"));
  EXPECT_THAT(open_message({.name = "image_folder", .test_share = 1}), HasSubstr("data.test_share is 1"));
  EXPECT_THAT(open_message({.name = "idx", .limit_train = -5}), HasSubstr("data.limit_train is -5"));
}

TEST(Registry, EveryEntryHasItsNameOnceAndOnlyTheFolderHasOptions) {
  std::set<std::string> names;
  for (const DatasetEntry& entry : dataset_table()) {
    EXPECT_TRUE(names.insert(entry.name).second);
    EXPECT_FALSE(entry.summary.empty());
    EXPECT_EQ(!entry.options.empty(), entry.name == "image_folder");
  }
  EXPECT_EQ(names, (std::set<std::string>{"cifar10", "cifar100", "fashion_mnist", "idx", "image_folder"}));
}

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
      EXPECT_EQ(splits.resize, 0);
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
  EXPECT_EQ(open_data({.name = "idx", .root = dir.str(), .image_size = 3}, 0).resize, 0);
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
  const auto read = [&](const ByteVector& bytes) { return message([&] { read_idx(dir.write("f-idx", bytes)); }); };
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

TEST(Idx, PairsMustFitTogether) {
  const TempDir dir;
  const auto read = [&](const ByteVector& images, const ByteVector& labels, std::vector<std::string> names = {}) {
    return message([&] { read_idx_pair(dir.write("i", images), dir.write("l", labels), std::move(names)); });
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
  EXPECT_EQ(splits.resize, 0);
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

class Folder : public testing::Test {
 protected:
  void picture(const fs::path& below, int64_t side = 4) {
    dir_.write(below, test::png_bytes(test::patterned_image(side, side, 3, count_++)));
  }
  DataSplits open(DataConfig config = {}) {
    config.name = "image_folder", config.root = dir_.str();
    return open_data(config, 0);
  }
  std::string open_error(DataConfig config = {}) {
    return message([&] { open(config); });
  }
  std::vector<std::string> names(const Dataset& dataset) {
    std::vector<std::string> all;
    for (int64_t i = 0; i < dataset.size(); i++)
      all.push_back(fs::relative(dataset.name(i), dir_.path()).string() + "=" + std::to_string(dataset.label(i)));
    return all;
  }
  TempDir dir_;
  int64_t count_ = 0;
};

TEST_F(Folder, ReadsTrainAndVal) {
  for (const char* part : {"train", "val"})
    for (const char* file : {"b/2.png", "b/10.PNG", "a/x.jpg", "ä ö/sub/1.BMP"}) picture(fs::path(part) / file);
  const DataSplits splits = open();
  EXPECT_THAT(splits.train->class_names(), ElementsAre("a", "b", "ä ö"));
  EXPECT_THAT(names(*splits.train),
              ElementsAre("train/a/x.jpg=0", "train/b/10.PNG=1", "train/b/2.png=1", "train/ä ö/sub/1.BMP=2"));
  EXPECT_THAT(names(*splits.test),
              ElementsAre("val/a/x.jpg=0", "val/b/10.PNG=1", "val/b/2.png=1", "val/ä ö/sub/1.BMP=2"));
  EXPECT_EQ(splits.image_size, 224);
  EXPECT_EQ(splits.resize, 256);
  EXPECT_EQ(splits.channels, 3);
  EXPECT_THAT(splits.mean, ElementsAre(0.485, 0.456, 0.406));
  EXPECT_THAT(splits.std, ElementsAre(0.229, 0.224, 0.225));
}

TEST_F(Folder, OtherNamesOfTheTestPart) {
  for (const char* part : {"valid", "validation", "test", "Val", "VALID"}) {
    const TempDir dir;
    for (const std::string& below : {std::string("Train"), std::string(part)})
      for (const char* file : {"/a/1.png", "/b/1.png"})
        dir.write(below + file, test::png_bytes(test::patterned_image(4, 4, 3)));
    const DataSplits splits = open_data({.name = "image_folder", .root = dir.str()}, 0);
    EXPECT_EQ(splits.train->size(), 2) << part;
    EXPECT_THAT(splits.test->name(0), HasSubstr(std::string("/") + part + "/a/1.png"));
  }
}

TEST_F(Folder, ClassesOfTrainAndTestMustAgree) {
  for (const char* file : {"train/cat/1.png", "train/dog/1.png", "train/fox/1.png", "val/cat/1.png", "val/wolf/1.png"})
    picture(file);
  EXPECT_THAT(open_error(),
              AllOf(HasSubstr("train has dog, fox, which val lacks"), HasSubstr("val has wolf, which train lacks")));
}

TEST_F(Folder, WithoutTrainThereIsNothingToTrain) {
  picture("val/a/1.png");
  EXPECT_THAT(open_error(), HasSubstr("holds val, but no train"));
}

TEST_F(Folder, WhatIsNoPictureIsLeftOut) {
  for (const char* file : {"a/1.png", "a/2.png", "b/1.png", "b/2.png"}) picture(file);
  for (const char* file : {"a/.DS_Store", "a/Thumbs.db", "b/.hidden.png", "b/notes.txt", "readme.md", ".cache/1.png",
                           "a/.sub/3.png", "__MACOSX/a/1.png"})
    dir_.write(file, "x");
  const DatasetPtr data = read_image_folder(dir_.path());
  EXPECT_THAT(names(*data), ElementsAre("a/1.png=0", "a/2.png=0", "b/1.png=1", "b/2.png=1"));
}

TEST_F(Folder, FoldersNamedLikePicturesAreFolders) {
  for (const char* file : {"a/x.jpg/1.png", "b.png/1.png"}) picture(file);
  EXPECT_THAT(names(*read_image_folder(dir_.path())), ElementsAre("a/x.jpg/1.png=0", "b.png/1.png=1"));
}

TEST_F(Folder, LinksAreFollowedButNotInCircles) {
  picture("a/1.png");
  picture("elsewhere/deep/2.png");
  fs::create_directory_symlink(dir_ / "elsewhere", dir_ / "a" / "link");
  fs::create_directory_symlink(dir_ / "a", dir_ / "a" / "circle");
  fs::create_directory_symlink("..", dir_ / "a" / "up");
  fs::create_symlink("self.png", dir_ / "a" / "self.png");
  fs::create_symlink("nowhere.png", dir_ / "a" / "dangling.png");
  const TempDir root;
  fs::create_directory_symlink(dir_ / "a", root / "a");
  const DatasetPtr data = read_image_folder(root.path());
  std::vector<std::string> files;
  for (int64_t i = 0; i < data->size(); i++) {
    const fs::path name = data->name(i);
    files.push_back(name.filename().string());
    if (name.filename() == "self.png")
      EXPECT_THAT(message([&] { data->read(i); }), AllOf(HasSubstr("self.png"), HasSubstr("symbolic links")));
    else if (name.filename() == "dangling.png")
      EXPECT_THAT(message([&] { data->read(i); }), AllOf(HasSubstr("dangling.png"), HasSubstr("No such file")));
    else
      EXPECT_EQ(data->read(i).channels, 3);
  }
  // 1.png, the two dead links and link/deep/2.png; through `up` come a second elsewhere/deep/2.png and nothing of a.
  EXPECT_THAT(files, ElementsAre("1.png", "dangling.png", "2.png", "self.png", "2.png"));
}

TEST_F(Folder, AnUnreadableFileIsASampleThatCannotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads every file";
  picture("a/1.png");
  fs::permissions(dir_ / "a/1.png", fs::perms::none);
  const DatasetPtr data = read_image_folder(dir_.path());
  EXPECT_THAT(message([&] { data->read(0); }), AllOf(HasSubstr("1.png"), HasSubstr("Permission denied")));
  fs::permissions(dir_ / "a", fs::perms::none);
  EXPECT_THAT(message([&] { read_image_folder(dir_.path()); }),
              AllOf(HasSubstr("/a: "), HasSubstr("Permission denied")));
}

TEST_F(Folder, EmptyClassesAreRefusedForTrainingOnly) {
  for (const char* file : {"train/a/1.png", "train/b/1.png", "val/a/1.png"}) picture(file);
  fs::create_directories(dir_ / "val/b");
  EXPECT_EQ(open().test->size(), 1);
  fs::remove(dir_ / "train/b/1.png");
  EXPECT_THAT(open_error(), AllOf(HasSubstr("train/b"), HasSubstr("no pictures of this class")));
}

TEST_F(Folder, ClassNamesMustBeUtf8) {
  picture("a/1.png");
  picture("caf\xE9/1.png");
  EXPECT_THAT(message([&] { read_image_folder(dir_.path()); }), HasSubstr("not valid UTF-8"));
}

TEST_F(Folder, AFolderWithoutClassesIsRefused) {
  EXPECT_THAT(open_error(), HasSubstr("no class folders"));
  picture("1.png");
  EXPECT_THAT(open_error(), HasSubstr("no class folders"));
}

TEST_F(Folder, OneFolderOfClassesIsSplitByClass) {
  for (int i = 0; i < 10; i++) picture("a/" + std::to_string(i) + ".png");
  for (int i = 0; i < 3; i++) picture("b/" + std::to_string(i) + ".png");
  picture("c/only.png");
  const auto parts = [&](uint64_t seed, double share) {
    const DatasetPtr all = read_image_folder(dir_.path());
    return stratified_split(*all, share, seed);
  };
  const SplitIndices split = parts(0, 0.2);
  EXPECT_EQ(split.test.size(), 3u);  // 2 of a, 1 of b (0.6 rounded), none of c
  EXPECT_EQ(split.train.size(), 11u);
  std::set<int64_t> all(split.train.begin(), split.train.end());
  all.insert(split.test.begin(), split.test.end());
  EXPECT_EQ(all.size(), 14u);
  EXPECT_EQ(parts(0, 0.2).test, split.test);
  std::set<std::vector<int64_t>> choices;
  for (uint64_t seed = 0; seed < 10; seed++) choices.insert(parts(seed, 0.2).test);
  EXPECT_GT(choices.size(), 5u);
  EXPECT_EQ(parts(0, 0.01).test.size(), 2u);   // at least one of a class with two
  EXPECT_EQ(parts(0, 0.99).train.size(), 3u);  // and one stays in train
  const DataSplits opened = open({.test_share = 0.3});
  EXPECT_EQ(opened.test->size(), 4);
  EXPECT_EQ(opened.train->size(), 10);
  EXPECT_EQ(opened.train->class_names(), opened.test->class_names());
}

TEST_F(Folder, PicturesStoredAtTheirSizeAreNotEnlarged) {
  for (const char* part : {"train", "val"})
    for (const char* file : {"a/1.png", "b/1.png"}) picture(fs::path(part) / file, 8);
  EXPECT_EQ(open({.image_size = 8}).resize, 0);
  EXPECT_EQ(open({.image_size = 8, .resize = 9}).resize, 9);
  EXPECT_EQ(open({.image_size = 7}).resize, 8);
  picture("train/b/other.png", 9);
  EXPECT_EQ(open({.image_size = 8}).resize, 9);
}

TEST(ImagenetSample, OpensWithItsClasses) {
  const fs::path folder = test::shared_dir() / "data" / "imagenet-sample";
  if (!exists(folder)) GTEST_SKIP() << "no " << folder;
  const DataSplits splits = open_data({.name = "image_folder", .root = folder.string()}, 0);
  EXPECT_EQ(splits.train->size(), 115);
  EXPECT_EQ(splits.test->size(), 39);
  EXPECT_EQ(splits.train->class_names().size(), 13u);
}

}  // namespace
}  // namespace ghost
