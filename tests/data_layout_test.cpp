// Which folder is taken for what, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/registry.h"
#include "support/data_sets.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;
using test::error_message;
using test::TempDir;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

class Layout : public testing::Test {
 protected:
  // Files named like pictures: what is in them is not looked at.
  void pictures(const fs::path& folder, int count = 2) {
    for (int i = 0; i < count; i++)
      dir_.write(folder / fmt::format("{}_{}.png", folder.filename().string(), i), std::string_view("x"));
  }
  void classes(const fs::path& folder, int count = 2) {
    for (const char* name : {"bus", "car", "truck"}) pictures(folder / name, count);
  }
  DataSplits open(DataUse use = DataUse::training) const {
    return open_data({.name = "image_folder", .root = dir_.str()}, 0, use);
  }
  std::string refusal(DataUse use = DataUse::training) const {
    return error_message([&] { open(use); });
  }
  std::string at(const std::string& below) const { return (dir_ / below).string(); }
  static int64_t size(const DatasetPtr& part) { return part ? part->size() : 0; }

  TempDir dir_;
};

TEST_F(Layout, TheOnlyOtherPartIsTestedWhateverItIsCalled) {
  for (const char* train : {"train", "Training"})
    for (const char* part : {"val", "valid", "validation", "validate", "dev", "eval", "test", "testing", "VALID"}) {
      const TempDir dir;
      for (const std::string below : {train, part})
        for (const char* file : {"/a/1.png", "/b/1.png"}) dir.write(below + file, std::string_view("x"));
      const DataSplits splits = open_data({.name = "image_folder", .root = dir.str()}, 0);
      EXPECT_EQ(splits.train->size(), 2) << part;
      EXPECT_EQ(splits.validation, nullptr) << part;
      EXPECT_THAT(splits.test->name(0), EndsWith(std::string("/") + part + "/a/1.png"));
      EXPECT_THAT(splits.test_from, EndsWith(part));
      EXPECT_THAT(splits.train_from, EndsWith(train));
      EXPECT_STREQ(splits.held_out_name(), "test");
      EXPECT_FALSE(splits.by_name);
    }
}

TEST_F(Layout, ValidationAndTestAreTwoParts) {
  classes("train", 3);
  classes("val", 2);
  classes("test", 1);
  const DataSplits splits = open();
  EXPECT_EQ(size(splits.train), 9);
  EXPECT_EQ(size(splits.validation), 6);
  EXPECT_EQ(size(splits.test), 3);
  EXPECT_EQ(splits.held_out(), splits.validation);
  EXPECT_STREQ(splits.held_out_name(), "val");
  EXPECT_EQ(splits.validation_from, at("val"));
  EXPECT_THAT(splits.warnings, IsEmpty());
}

TEST_F(Layout, TwoFoldersForOnePartAreRefused) {
  for (const char* part : {"train", "val", "dev"}) classes(part);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'dev' and 'val'"), HasSubstr("validation pictures")));
  fs::remove_all(dir_ / "dev");
  classes("training");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'train' and 'training'"), HasSubstr("training pictures")));
}

TEST_F(Layout, AFlatOrEmptyPartIsRefused) {
  classes("train");
  pictures("val", 18);
  EXPECT_THAT(refusal(), AllOf(HasSubstr(at("val")), HasSubstr("18 pictures, but no class folders")));
  fs::remove_all(dir_ / "val");
  fs::create_directory(dir_ / "val");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(at("val")), HasSubstr("no pictures")));
  fs::create_directory(dir_ / "val/bus");
  EXPECT_THAT(refusal(), HasSubstr("no pictures"));
  fs::remove_all(dir_ / "val");
  EXPECT_TRUE(open().by_name) << "a training part alone is split";
}

TEST_F(Layout, APartWithoutLabelsBesideOneWithThemIsNamed) {
  classes("train");
  classes("val");
  pictures("test", 5);
  const DataSplits splits = open();
  EXPECT_EQ(splits.test_from, at("val"));
  EXPECT_EQ(splits.validation, nullptr);
  EXPECT_THAT(splits.warnings, ElementsAre(AllOf(HasSubstr(at("test")), HasSubstr("5 pictures not used"))));
}

TEST_F(Layout, PartsWithoutAnyClassesAreNoClasses) {
  pictures("training");
  pictures("testing");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(at("training")), HasSubstr("no class folders")));
  EXPECT_THAT(refusal(DataUse::testing), AllOf(HasSubstr("'testing', 'training'"), HasSubstr("no class folders")));
}

TEST_F(Layout, AClassMayBeCalledTrainOrTest) {
  for (const char* name : {"train", "test"}) {
    const TempDir dir;
    for (const char* sibling : {"bus", "car", name})
      for (int i = 0; i < 10; i++) dir.write(fmt::format("{}/{}.png", sibling, i), std::string_view("x"));
    const DataSplits splits = open_data({.name = "image_folder", .root = dir.str()}, 0);
    EXPECT_EQ(splits.train->size() + splits.test->size(), 30) << name;
    EXPECT_THAT(splits.train->class_names(), Contains(name));
    EXPECT_THAT(splits.notes, ElementsAre(AllOf(HasSubstr(name), HasSubstr("taken for a class"), HasSubstr("'bus'"))));
  }
}

TEST_F(Layout, WhatCouldBeAClassOrAPartIsRefused) {
  pictures("bus", 10);
  pictures("car", 10);
  pictures("train/steam", 5);
  pictures("train/electric", 5);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'train' beside 'bus', 'car'"), HasSubstr("data.root")));
  EXPECT_THAT(refusal(DataUse::testing), HasSubstr("'train' beside 'bus', 'car'"));
  fs::remove_all(dir_ / "train");
  pictures("train", 10);
  pictures("test", 10);
  EXPECT_THAT(refusal(), HasSubstr("'test', 'train' beside 'bus', 'car'"));
}

TEST_F(Layout, OtherPicturesBesidePartsAreNamed) {
  classes("train");
  classes("val");
  pictures("unlabelled", 40);
  fs::create_directories(dir_ / "annotations");
  EXPECT_THAT(open().warnings, ElementsAre(AllOf(HasSubstr("'unlabelled' are not used"), HasSubstr("'train', 'val'"))));
}

TEST_F(Layout, ARootOneLevelTooHighIsRefusedWithTheNearest) {
  classes("A/train");
  classes("A/val");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'A'"), HasSubstr("--set data.root=" + at("A"))));
  EXPECT_THAT(refusal(DataUse::testing), HasSubstr("--set data.root=" + at("A")));
  classes("B/train");
  classes("B/test");
  EXPECT_THAT(refusal(), HasSubstr("--set data.root=" + at("A")));
  fs::remove_all(dir_ / "A");
  fs::remove_all(dir_ / "B");
  classes("C");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("one class only, 'C'"), HasSubstr("--set data.root=" + at("C")),
                               HasSubstr("'bus', 'car', 'truck'")));
}

TEST_F(Layout, ASingleClassIsRefusedForTraining) {
  pictures("train/bus");
  pictures("val/bus");
  EXPECT_THAT(refusal(), HasSubstr("one class only, 'bus'"));
  EXPECT_EQ(refusal(DataUse::testing), "");
  fs::remove_all(dir_ / "train");
  fs::remove_all(dir_ / "val");
  pictures("bus", 10);
  EXPECT_THAT(refusal(), HasSubstr("one class only, 'bus'"));
}

TEST_F(Layout, TestingNeedsNoTrainingPart) {
  classes("val", 6);
  EXPECT_THAT(refusal(), HasSubstr("holds val, but no train"));
  const DataSplits splits = open(DataUse::testing);
  EXPECT_EQ(splits.train, nullptr);
  EXPECT_EQ(size(splits.test), 18);
  EXPECT_TRUE(splits.test_is_validation);
  EXPECT_THAT(splits.class_names(), ElementsAre("bus", "car", "truck"));
  classes("test", 1);
  EXPECT_EQ(size(open(DataUse::testing).test), 3);
  EXPECT_EQ(size(open(DataUse::testing).validation), 18);
}

TEST_F(Layout, AFolderOfClassesIsTestedAsAWholeOrInPart) {
  classes(".", 20);
  const DataSplits part = open(DataUse::testing), whole = open(DataUse::testing_all);
  EXPECT_TRUE(part.by_name);
  EXPECT_EQ(size(part.train) + size(part.test), 60);
  EXPECT_EQ(size(whole.test), 60);
  EXPECT_EQ(whole.train, nullptr);
  EXPECT_FALSE(whole.by_name);
}

TEST_F(Layout, JunkIsNoPart) {
  classes(".", 10);
  for (const char* junk : {"@eaDir/train", "__MACOSX", "$RECYCLE.BIN", "lost+found", "__pycache__"}) pictures(junk);
  EXPECT_THAT(open().train->class_names(), ElementsAre("bus", "car", "truck"));
}

TEST_F(Layout, TheRootIsRelativeToTheWorkingDirectoryOrToHome) {
  EXPECT_THAT(error_message([] { open_data({.name = "image_folder", .root = "no-such-folder"}, 0); }),
              HasSubstr("no-such-folder is not a folder in " + fs::current_path().string()));
  classes("photos", 10);
  const char* const home = std::getenv("HOME");
  const std::string before = home ? home : "";
  setenv("HOME", dir_.str().c_str(), 1);
  EXPECT_EQ(open_data({.name = "image_folder", .root = "~/photos"}, 0).class_names().size(), 3U);
  EXPECT_THAT(error_message([] { open_data({.name = "image_folder", .root = "~nobody/photos"}, 0); }),
              HasSubstr("~nobody/photos: only ~ and ~/"));
  unsetenv("HOME");
  EXPECT_THAT(error_message([] { open_data({.name = "image_folder", .root = "~/photos"}, 0); }), HasSubstr("$HOME"));
  if (home) setenv("HOME", before.c_str(), 1);
}

}  // namespace
}  // namespace ghost
