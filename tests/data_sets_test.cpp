// CIFAR, and what all data sets share: limits, options, the table of them. IDX and folders have tests of their own.
#include "support/data_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

#include "data/cifar.h"
#include "data/registry.h"
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
    EXPECT_EQ(splits.resize, 32);
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
    return error_message([&] { read_cifar({dir.write("b.bin", bytes)}, layout, std::vector<std::string>(100)); });
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
      const std::string error = error_message([&] { read(file, kCifar10); });
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
  EXPECT_EQ(open_message(config), "data.mean has 3 values and data.std has 1, but they go together");
  config.std = {0.1, 0.2, 0.3};
  EXPECT_EQ(open_message(config), "data.mean has 3 values, but data.channels is 1");
  config.channels = 0;  // those of the data set
  EXPECT_NO_THROW(open_data(config, 0));
  config.mean = config.std = {0.5};
  EXPECT_THAT(open_message(config), AllOf(HasSubstr("data.mean has 1 values"), HasSubstr("3 channels")));
  EXPECT_THAT(open_message({.name = "cifar10", .root = dir.str(), .image_size = 64, .resize = 48}),
              AllOf(HasSubstr("data.resize is 48"), HasSubstr("64")));
}

TEST(Cifar, AFileWithFewerRecordsThanTheOfficialOneIsNamed) {
  const TempDir dir;
  write_cifar10(dir);
  const std::vector<std::string> warnings = open_data({.name = "cifar10", .root = dir.str()}, 0).warnings;
  EXPECT_EQ(warnings.size(), 6U);
  EXPECT_THAT(warnings.front(),
              AllOf(HasSubstr("data_batch_1.bin"), HasSubstr("holds 10 records"), HasSubstr("10000")));
}

TEST(Cifar, TestingNeedsNoTrainingFiles) {
  const TempDir dir;
  write_cifar10(dir);
  for (int i = 1; i <= 5; i++) fs::remove(dir / fmt::format("data_batch_{}.bin", i));
  EXPECT_THAT(open_message({.name = "cifar10", .root = dir.str()}), HasSubstr("data_batch_1.bin is missing"));
  const DataSplits splits = open_data({.name = "cifar10", .root = dir.str()}, 0, DataUse::testing);
  EXPECT_EQ(splits.train, nullptr);
  EXPECT_EQ(splits.test->size(), 10);
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
  EXPECT_EQ(open_message({.name = "cifar10", .image_size = -1}), "data.image_size is -1, but must be at least 0");
  EXPECT_EQ(open_message({.name = "cifar10", .resize = 9000}), "data.resize is 9000, but must be at most 8192");
  EXPECT_EQ(open_message({.name = "cifar10", .channels = 2}), "data.channels is 2, but must be 0, 1 or 3");
  EXPECT_EQ(open_message({.name = "cifar10", .std = {0, 1, 1}}), "data.std (value 1 of 3) is 0, but must be in (0, 1]");
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

}  // namespace
}  // namespace ghost
