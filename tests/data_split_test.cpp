// Parts of a data set that are chosen by names, and what tells that they are still the same.
#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

#include "data/fingerprint.h"
#include "data/registry.h"
#include "data/split_by_name.h"
#include "data/splits.h"
#include "support/data_sets.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::TempDir;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Named samples without pictures.
class Named : public Dataset {
 public:
  explicit Named(std::vector<std::pair<std::string, int64_t>> samples, int64_t classes) : samples_(std::move(samples)) {
    for (int64_t c = 0; c < classes; c++) classes_.push_back("class " + std::to_string(c));
  }
  int64_t size() const override { return std::ssize(samples_); }
  int64_t channels() const override { return 3; }
  const std::vector<std::string>& class_names() const override { return classes_; }
  int64_t label(int64_t index) const override { return samples_[static_cast<size_t>(index)].second; }
  std::string name(int64_t index) const override { return "/somewhere/" + id(index); }
  std::string id(int64_t index) const override { return samples_[static_cast<size_t>(index)].first; }
  Image read(int64_t) const override { return {}; }

 private:
  std::vector<std::pair<std::string, int64_t>> samples_;
  std::vector<std::string> classes_;
};

// `counts` samples of each class.
std::shared_ptr<const Named> named(const std::vector<int64_t>& counts) {
  std::vector<std::pair<std::string, int64_t>> samples;
  for (size_t c = 0; c < counts.size(); c++)
    for (int64_t i = 0; i < counts[c]; i++)
      samples.emplace_back(fmt::format("{}/{}.png", c, i), static_cast<int64_t>(c));
  return std::make_shared<Named>(std::move(samples), std::ssize(counts));
}

std::set<std::string> ids(const Dataset& dataset, const std::vector<int64_t>& indices) {
  std::set<std::string> all;
  for (const int64_t i : indices) all.insert(dataset.id(i));
  return all;
}

std::vector<int64_t> counts_of(const Dataset& dataset, const std::vector<int64_t>& indices) {
  std::vector<int64_t> counts(dataset.class_names().size());
  for (const int64_t i : indices) counts[static_cast<size_t>(dataset.label(i))]++;
  return counts;
}

TEST(SplitByName, IsAShareThatSeedAndPurposeChoose) {
  const auto all = named({5000, 5000});
  const NameSplit split = split_by_name(*all, 0.2, 0, "test_share");
  EXPECT_NEAR(static_cast<double>(split.chosen.size()), 2000, 160) << "four standard deviations";
  EXPECT_EQ(split.chosen.size() + split.rest.size(), 10000U);
  EXPECT_TRUE(std::is_sorted(split.chosen.begin(), split.chosen.end()));
  EXPECT_EQ(split_by_name(*all, 0.2, 0, "test_share").chosen, split.chosen);
  EXPECT_NE(split_by_name(*all, 0.2, 1, "test_share").chosen, split.chosen);
  EXPECT_NE(split_by_name(*all, 0.2, 0, "validation_share").chosen, split.chosen);
  const auto more = split_by_name(*all, 0.3, 0, "test_share").chosen;
  EXPECT_TRUE(std::includes(more.begin(), more.end(), split.chosen.begin(), split.chosen.end()))
      << "a larger share holds the smaller one";
}

TEST(SplitByName, NoPictureChangesSidesWhenOthersCome) {
  const auto before = named({50, 30}), after = named({53, 90, 7});
  const NameSplit was = split_by_name(*before, 0.2, 5, "test_share"), is = split_by_name(*after, 0.2, 5, "test_share");
  for (const std::string& id : ids(*before, was.chosen)) EXPECT_THAT(ids(*after, is.chosen), Contains(id));
  for (const std::string& id : ids(*before, was.rest)) EXPECT_THAT(ids(*after, is.rest), Contains(id));
}

TEST(Limit, KeepsTheProportionsOfAllClasses) {
  const auto counts = [](const std::vector<int64_t>& sizes, int64_t limit, uint64_t seed = 0) {
    const auto all = named(sizes);
    return counts_of(*all, limited_choice(*all, limit, seed, "limit_train"));
  };
  EXPECT_THAT(counts({10, 10, 10}, 6), ElementsAre(2, 2, 2));
  EXPECT_THAT(counts({90, 10}, 20), ElementsAre(18, 2));
  EXPECT_THAT(counts({1000, 1, 1}, 10), ElementsAre(8, 1, 1)) << "no class is lost";
  EXPECT_THAT(counts({0, 1000, 1}, 2), ElementsAre(0, 1, 1));
  EXPECT_THAT(counts({4, 4}, 100), ElementsAre(4, 4));
  for (uint64_t seed = 0; seed < 20; seed++) {
    const std::vector<int64_t> thirty = counts(std::vector<int64_t>(30, 100), 45, seed);
    EXPECT_EQ(std::accumulate(thirty.begin(), thirty.end(), 0), 45);
    for (const int64_t count : thirty) EXPECT_TRUE(count == 1 || count == 2) << count;
  }
  const std::vector<int64_t> few = counts(std::vector<int64_t>(30, 100), 7);
  EXPECT_EQ(std::accumulate(few.begin(), few.end(), 0), 7);
  EXPECT_EQ(*std::max_element(few.begin(), few.end()), 1);
}

TEST(Limit, IsASeededChoiceByName) {
  const auto all = named({40, 40});
  const auto chosen = limited_choice(*all, 10, 3, "limit_train");
  EXPECT_EQ(chosen, limited_choice(*all, 10, 3, "limit_train"));
  EXPECT_NE(chosen, limited_choice(*all, 10, 4, "limit_train"));
  EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
}

// ---- in a data set

class Parts : public testing::Test {
 protected:
  void pictures(const std::string& folder, int first, int count) {
    for (int i = first; i < first + count; i++) dir_.write(fmt::format("{}/{}.png", folder, i), std::string_view("x"));
  }
  DataSplits open(DataConfig config = {}, uint64_t seed = 0) const {
    config.name = "image_folder", config.root = dir_.str();
    return open_data(config, seed);
  }
  static std::set<std::string> ids(const DatasetPtr& part) {
    std::set<std::string> all;
    for (int64_t i = 0; i < part->size(); i++) all.insert(part->id(i));
    return all;
  }
  TempDir dir_;
};

TEST_F(Parts, PicturesThatAreAddedMoveNoOthers) {
  pictures("bus", 0, 20);
  pictures("car", 0, 20);
  const DataSplits before = open();
  EXPECT_TRUE(before.by_name);
  EXPECT_EQ(before.train->size() + before.test->size(), 40);
  pictures("bus", 20, 2);
  const DataSplits after = open();
  EXPECT_EQ(after.train->size() + after.test->size(), 42);
  for (const std::string& id : ids(before.train)) EXPECT_THAT(ids(after.train), Contains(id));
  for (const std::string& id : ids(before.test)) EXPECT_THAT(ids(after.test), Contains(id));
  EXPECT_NE(ids(open({}, 1).test), ids(after.test));
}

TEST_F(Parts, AShareThatLeavesNoneIsRefused) {
  pictures("bus", 0, 1);
  pictures("car", 0, 1);
  EXPECT_THAT(test::error_message([&] { open({.test_share = 0.001}); }),
              AllOf(HasSubstr("none to test with"), HasSubstr("data.test_share 0.001")));
  EXPECT_THAT(test::error_message([&] { open({.test_share = 0.999}); }), HasSubstr("none to train with"));
}

TEST_F(Parts, ValidationShareIsCutFromTheTrainingImages) {
  for (const char* name : {"train/bus", "train/car"}) pictures(name, 0, 40);
  for (const char* name : {"test/bus", "test/car"}) pictures(name, 40, 5);
  const DataSplits whole = open(), cut = open({.validation_share = 0.25});
  EXPECT_EQ(whole.validation, nullptr);
  ASSERT_NE(cut.validation, nullptr);
  EXPECT_EQ(cut.train->size() + cut.validation->size(), 80);
  EXPECT_GT(cut.validation->size(), 5);
  EXPECT_EQ(cut.test->size(), 10);
  for (const std::string& id : ids(cut.validation)) EXPECT_FALSE(ids(cut.train).contains(id));
  for (const char* name : {"val/bus", "val/car"}) pictures(name, 50, 5);
  const DataSplits given = open({.validation_share = 0.25});
  EXPECT_EQ(given.train->size(), 80);
  EXPECT_EQ(given.validation->size(), 10);
  EXPECT_THAT(given.notes, ElementsAre(HasSubstr("data.validation_share is not used")));
}

TEST_F(Parts, LimitTestDoesNotDependOnTheSeed) {
  for (const char* name : {"train/bus", "train/car", "val/bus", "val/car"}) pictures(name, 0, 30);
  const DataConfig config{.limit_train = 10, .limit_test = 10};
  EXPECT_EQ(ids(open(config, 0).test), ids(open(config, 1).test));
  EXPECT_NE(ids(open(config, 0).train), ids(open(config, 1).train));
  EXPECT_THAT(open(config).warnings, IsEmpty());
  EXPECT_THAT(open(config).notes, IsEmpty());
}

TEST_F(Parts, ClassesWithoutPicturesAreCounted) {
  for (const char* name : {"train/bus", "train/car", "val/bus"}) pictures(name, 0, 5);
  std::filesystem::create_directories(dir_ / "val/car");
  EXPECT_THAT(open().notes, ElementsAre("1 of the 2 classes has no test images: 'car'"));
  const DataSplits one = open({.limit_train = 1});
  EXPECT_THAT(one.warnings, ElementsAre(AllOf(HasSubstr("data.limit_train is 1: 1 of the 2 classes has no training"))));
}

TEST_F(Parts, AFingerprintTellsWhatHasChanged) {
  for (const char* name : {"train/bus", "train/car", "val/bus", "val/car"}) pictures(name, 0, 5);
  const DataFingerprint before = fingerprint_of(open());
  EXPECT_EQ(before.train.count, 10);
  EXPECT_EQ(before.validation.count, 0);
  EXPECT_EQ(before.split, "given");
  EXPECT_THAT(changes(before, fingerprint_of(open())), IsEmpty());

  const TempDir elsewhere;
  std::filesystem::copy(dir_.path(), elsewhere.path(), std::filesystem::copy_options::recursive);
  EXPECT_EQ(fingerprint_of(open_data({.name = "image_folder", .root = elsewhere.str()}, 9)), before)
      << "neither place nor seed";

  pictures("train/bus", 5, 2);
  EXPECT_THAT(changes(before, fingerprint_of(open())), ElementsAre("the training images are others: 12 instead of 10"));
  std::filesystem::remove(dir_ / "val/car/0.png");
  pictures("val/bus", 7, 1);
  EXPECT_THAT(changes(before, fingerprint_of(open())), Contains("the 10 test images have other names or labels"));
  pictures("train/tram", 0, 1);
  pictures("val/tram", 0, 1);
  EXPECT_THAT(changes(before, fingerprint_of(open())), Contains("the classes are others"));
}

}  // namespace
}  // namespace ghost
