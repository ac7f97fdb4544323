#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "data/image_folder.h"
#include "data/registry.h"
#include "support/data_sets.h"
#include "support/picture_files.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;
using test::error_message;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

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
    return error_message([&] { open(config); });
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
      EXPECT_THAT(error_message([&] { data->read(i); }), AllOf(HasSubstr("self.png"), HasSubstr("symbolic links")));
    else if (name.filename() == "dangling.png")
      EXPECT_THAT(error_message([&] { data->read(i); }), AllOf(HasSubstr("dangling.png"), HasSubstr("No such file")));
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
  EXPECT_THAT(error_message([&] { data->read(0); }), AllOf(HasSubstr("1.png"), HasSubstr("Permission denied")));
  fs::permissions(dir_ / "a", fs::perms::none);
  EXPECT_THAT(error_message([&] { read_image_folder(dir_.path()); }),
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
  EXPECT_THAT(error_message([&] { read_image_folder(dir_.path()); }), HasSubstr("not valid UTF-8"));
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
  EXPECT_EQ(open({.image_size = 8}).resize, 8);
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
