#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "data/class_folders.h"
#include "data/registry.h"
#include "data/same_name.h"
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
using testing::IsEmpty;
using testing::SizeIs;

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

TEST_F(Folder, ClassesOfTrainAndTestMustAgree) {
  for (const char* file : {"train/cat/1.png", "train/dog/1.png", "train/fox/1.png", "val/cat/1.png", "val/wolf/1.png"})
    picture(file);
  EXPECT_THAT(open_error(),
              AllOf(HasSubstr("train has dog, fox, which val lacks"), HasSubstr("val has wolf, which train lacks")));
}

TEST_F(Folder, WhatIsNoPictureIsLeftOut) {
  for (const char* file : {"a/1.png", "a/2.png", "b/1.png", "b/2.png"}) picture(file);
  for (const char* file :
       {"a/.DS_Store", "a/Thumbs.db", "b/.hidden.png", "b/notes.txt", "readme.md", ".cache/1.png", "a/.sub/3.png",
        "__MACOSX/a/1.png", "@eaDir/x.png", "$RECYCLE.BIN/x.png", "__pycache__/x.png", "lost+found/x.png",
        ".ipynb_checkpoints/1-checkpoint.png", "System Volume Information/x.png",
        "a/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "b/deep/.ipynb_checkpoints/1.png", "b/$Recycle.Bin/x.png"})
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
  // 1.png, the two dead links and link/deep/2.png; `up` leads to what lies around a, and none of that is of class a.
  EXPECT_THAT(files, ElementsAre("1.png", "dangling.png", "2.png", "self.png"));
}

TEST_F(Folder, EachFolderCountsOncePerClass) {
  const int folders = 8;
  for (int i = 0; i < folders; i++) picture(fmt::format("a/{}/x.png", i));
  for (int i = 0; i < folders; i++)
    for (int k = 0; k < folders; k++)
      if (i != k) fs::create_directory_symlink(fmt::format("../{}", k), dir_ / fmt::format("a/{}/to{}", i, k));
  picture("b/x.png");
  EXPECT_THAT(names(*read_image_folder(dir_.path())),
              ElementsAre("a/0/x.png=0", "a/1/x.png=0", "a/2/x.png=0", "a/3/x.png=0", "a/4/x.png=0", "a/5/x.png=0",
                          "a/6/x.png=0", "a/7/x.png=0", "b/x.png=1"));
  EXPECT_EQ(pictures_below(dir_.path()).files.size(), 9U);
}

TEST_F(Folder, ALinkBackUpIsNotFollowedAndSaid) {
  for (const char* file : {"train/bus/1.png", "train/car/1.png", "val/bus/1.png", "val/car/1.png"}) picture(file);
  fs::create_directory_symlink("..", dir_ / "train/car/up");
  const DataSplits splits = open();
  EXPECT_THAT(names(*splits.train), ElementsAre("train/bus/1.png=0", "train/car/1.png=1"));
  EXPECT_THAT(splits.warnings, ElementsAre(AllOf(HasSubstr("'car/up'"), HasSubstr("not followed"))));
}

TEST_F(Folder, ClassesThatAreOneFolderAreSaid) {
  for (const char* file : {"bus/1.png", "bus/2.png", "car/1.png"}) picture(file);
  fs::create_directory_symlink("car", dir_ / "auto");
  EXPECT_THAT(oddities(*read_class_folders(dir_.path())),
              ElementsAre(AllOf(HasSubstr("'auto' and 'car' are one folder"))));
}

TEST_F(Folder, FilesInTwoClassesAreSaid) {
  for (const char* file : {"bus/1.png", "bus/2.png", "car/1.png"}) picture(file);
  EXPECT_THAT(oddities(*read_class_folders(dir_.path())), IsEmpty());
  fs::create_hard_link(dir_ / "bus/1.png", dir_ / "car/hard.png");
  fs::create_symlink("../bus/2.png", dir_ / "car/soft.png");
  fs::create_symlink("1.png", dir_ / "car/again.png");
  fs::create_symlink("nowhere.png", dir_ / "car/dead.png");
  fs::create_symlink("nowhere.png", dir_ / "bus/dead.png");
  EXPECT_THAT(oddities(*read_class_folders(dir_.path())), ElementsAre(HasSubstr("2 files are in two classes")));
}

TEST_F(Folder, TestPicturesThatAreTrainingPicturesAreSaid) {
  for (const char* file : {"train/bus/1.png", "train/car/1.png"}) picture(file);
  fs::create_directory_symlink("train", dir_ / "val");
  EXPECT_THAT(open().warnings,
              ElementsAre(AllOf(HasSubstr("2 of the 2 test pictures are among the training pictures as well, and say"),
                                HasSubstr("val/"), HasSubstr("train/"))));
  fs::remove(dir_ / "val");
  for (const char* file : {"val/bus/2.png", "val/car/2.png"}) picture(file);
  EXPECT_THAT(open().warnings, IsEmpty());
  fs::create_hard_link(dir_ / "train/bus/1.png", dir_ / "val/bus/other-name.png");
  EXPECT_THAT(open().warnings,
              ElementsAre(HasSubstr("1 of the 3 test pictures is among the training pictures as well, and says")));
}

TEST_F(Folder, ClassesThatLookTheSameAreSaid) {
  const std::string composed = "caf\u00e9", apart = "cafe\u0301";
  EXPECT_THAT(names_that_look_the_same({composed, apart, "cafe"}),
              ElementsAre(AllOf(HasSubstr("'" + composed + "' and '" + apart + "'"), HasSubstr("Unicode"))));
  EXPECT_THAT(names_that_look_the_same({"cat", "cat ", "dog"}),
              ElementsAre("'cat' and 'cat ' differ in blanks or invisible characters only"));
  EXPECT_THAT(names_that_look_the_same({"\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af"}), SizeIs(1))
      << "Hangul";
  EXPECT_THAT(names_that_look_the_same({"\u1ebf", "e\u0302\u0301"}), SizeIs(1)) << "two marks";
  EXPECT_THAT(names_that_look_the_same({"\u304c", "\u304b\u3099"}), SizeIs(1)) << "Kana";
  EXPECT_THAT(names_that_look_the_same({"a", "A", "\u00e0", "\u00e1", "b"}), IsEmpty());
  for (const std::string& name : {composed, std::string("dog")}) picture("train/" + name + "/1.png");
  for (const std::string& name : {apart, std::string("dog")}) picture("val/" + name + "/1.png");
  EXPECT_THAT(open_error(), AllOf(HasSubstr("differ"), HasSubstr("'" + composed + "' and '" + apart + "'")));
}

TEST_F(Folder, PicturesOutsideOfTheClassesAreCounted) {
  for (const char* file : {"bus/1.png", "car/1.png", "stray.png"}) picture(file);
  EXPECT_THAT(oddities(*read_class_folders(dir_.path())),
              ElementsAre(HasSubstr("one picture is in none of its class")));
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
