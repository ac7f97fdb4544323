// Which pictures are for what, as a user of the programs meets it.
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "core/safetensors.h"
#include "support/metrics.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "train/run/checkpoint.h"

namespace ghost {
namespace {

using nlohmann::json;
using test::Finished;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

// Without the warning that such short runs deserve: that the running statistics of batch norm are young.
std::string besides_statistics(const std::string& said) {
  std::string rest;
  std::istringstream lines(said);
  for (std::string line; std::getline(lines, line);)
    if (line.find("running statistics of batch norm") == std::string::npos) rest += line + "\n";
  return rest;
}

class Splits : public testing::Test {
 protected:
  Splits() {
    dir_.write("small.yaml", std::string_view("model: {name: plain_cnn, channels: [6, 8]}\n"
                                              "data: {name: image_folder, image_size: 8}\n"
                                              "optimizer: {lr: 0.05}\n"
                                              "train: {epochs: 5, batch_size: 8}\n"
                                              "run: {threads: 1}\n"));
  }
  // Pictures `first` … of bus, car and truck, each class of its own colour, but for what `first` and i change.
  void classes(const std::string& folder, int first, int count) const {
    int c = 0;
    for (const char* name : {"bus", "car", "truck"}) {
      for (int i = first; i < first + count; ++i) {
        Image image = test::patterned_image(8, 8, 3, i);
        for (size_t p = 0; p < image.pixels.size(); ++p)
          image.pixels[p] = static_cast<uint8_t>(image.pixels[p] / 4 + (p % 3 == static_cast<size_t>(c) ? 180 : 0));
        dir_.write(fmt::format("{}/{}/{}.png", folder, name, i), test::png_bytes(image));
      }
      ++c;
    }
  }
  Finished program(const std::string& name, Words arguments) const {
    return test::run_program(name, arguments, {.directory = dir_.str()});
  }
  Finished train(const std::string& root, const std::string& run, Words more = {}) const {
    more.insert(more.begin(), {"--config", "small.yaml", "--run", run, "--set", "data.root=" + root});
    return program("ghost-train", more);
  }
  json eval(const std::string& run, Words more = {}) const {
    more.insert(more.begin(), {"--checkpoint", run + "/checkpoints/last.safetensors", "--json"});
    const Finished end = program("ghost-eval", more);
    EXPECT_EQ(end.status, 0) << end.err;
    said_ = besides_statistics(end.err);
    return end.status == 0 ? json::parse(end.out) : json::object();
  }
  json last_line(const std::string& run) const { return test::metrics_of(dir_ / run, true).back(); }
  TempDir dir_;
  mutable std::string said_;
};

TEST_F(Splits, TheFirstScreenNamesTheFoldersAndTheNumbersTheirPart) {
  classes("A/train", 0, 8);
  classes("A/val", 10, 4);
  classes("A/test", 20, 2);
  const Finished run = train("A", "run");
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("24 training, 12 validation and 6 test images"),
                             HasSubstr("training A/train, validation A/val, test A/test"), HasSubstr("val accuracy"),
                             HasSubstr("Validation accuracy"), Not(HasSubstr("test accuracy"))));
  const json line = last_line("run");
  EXPECT_TRUE(line.contains("val_top1"));
  EXPECT_FALSE(line.contains("test_top1"));

  const json val = eval("run", {"--split", "val"}), test = eval("run"), all = eval("run", {"--split", "all"});
  EXPECT_EQ(val.at("count"), 12);
  EXPECT_EQ(val.at("loss"), line.at("val_loss"));
  EXPECT_EQ(val.at("split"), "val");
  EXPECT_THAT(val.at("folders"), ElementsAre("A/val"));
  EXPECT_EQ(test.at("count"), 6);
  EXPECT_EQ(test.at("split"), "test");
  EXPECT_EQ(eval("run", {"--split", "train"}).at("count"), 24);
  EXPECT_EQ(all.at("count"), 42);
  EXPECT_THAT(all.at("folders"), ElementsAre("A/train", "A/val", "A/test"));
  const Finished text = program("ghost-eval", {"--checkpoint", "run/checkpoints/last.safetensors", "--split", "val"});
  EXPECT_THAT(text.out, HasSubstr("image_folder, 12 validation images of A/val"));
  EXPECT_EQ(besides_statistics(text.err), "");
}

TEST_F(Splits, ComparedRunsSayWhatTheyWereTestedOn) {
  classes("A/train", 0, 8);
  classes("A/val", 10, 4);
  ASSERT_EQ(train("A", "on_test").status, 0);
  classes("A/test", 20, 2);
  ASSERT_EQ(train("A", "on_val").status, 0);
  const auto compare = [&](Words runs) {
    runs.insert(runs.begin(), {"--no-timing", "--output", "page.html"});
    return program("ghost-compare", runs).out;
  };
  EXPECT_THAT(compare({"on_val"}), AllOf(HasSubstr("validation accuracy"), Not(HasSubstr("test accuracy"))));
  EXPECT_THAT(test::file_text(dir_ / "page.html"), HasSubstr("Validation accuracy"));
  EXPECT_THAT(compare({"on_test"}), HasSubstr("test accuracy"));
  const std::string both = compare({"on_test", "on_val"});
  EXPECT_THAT(both, HasSubstr("held-out accuracy"));
  EXPECT_THAT(std::regex_replace(both, std::regex("\\s+"), " "),
              HasSubstr("one was tested on validation images, the other on test images"));
}

TEST_F(Splits, RunsThatWereTestedOnOtherImagesAreNotCompared) {
  classes("A/train", 0, 8);
  classes("A/test", 20, 4);
  ASSERT_EQ(train("A", "before").status, 0);
  ASSERT_EQ(train("A", "same", {"--set", "optimizer.lr=0.02"}).status, 0);
  classes("A/test", 40, 1);
  ASSERT_EQ(train("A", "after", {"--set", "optimizer.lr=0.03"}).status, 0);
  const auto verdict = [&](const char* a, const char* b) {
    const std::string text = program("ghost-compare", {"--no-timing", "--output", "page.html", a, b}).out;
    return std::regex_replace(text, std::regex("\\s+"), " ");
  };
  EXPECT_THAT(verdict("before", "same"), AllOf(Not(HasSubstr("do not compare")), HasSubstr("its accuracy")));
  EXPECT_THAT(verdict("before", "after"),
              HasSubstr("they were tested on different images, so that accuracies do not compare"));
}

TEST_F(Splits, AnOnlyHeldOutPartIsTheTestPart) {
  classes("A/train", 0, 8);
  classes("A/val", 10, 4);
  const Finished run = train("A", "run");
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("24 training and 12 test images"), HasSubstr("training A/train, test A/val"),
                             HasSubstr("Test accuracy")));
  EXPECT_TRUE(last_line("run").contains("test_top1"));
  EXPECT_EQ(eval("run").at("top1"), eval("run", {"--split", "val"}).at("top1")) << "its folder is called val";
  EXPECT_EQ(eval("run", {"--split", "val"}).at("count"), 12);

  // Of other pictures, all are tested.
  EXPECT_EQ(eval("run", {"--set", "data.root=A/val"}).at("count"), 12);
  classes("B/val", 0, 3);
  EXPECT_EQ(eval("run", {"--set", "data.root=B"}).at("count"), 9);
  const Finished none = program("ghost-eval", {"--checkpoint", "run", "--set", "data.root=B", "--split", "train"});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, AllOf(HasSubstr("--split train"), HasSubstr("B/val"), HasSubstr("there is test")));
}

TEST_F(Splits, WithoutAValidationPartOneCanBeCut) {
  classes("A/train", 0, 20);
  classes("A/test", 20, 2);
  const Finished run = train("A", "run", {"--set", "data.validation_share=0.3"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("training A/train, validation a share of it by names, test A/test"));
  EXPECT_TRUE(last_line("run").contains("val_top1"));
  const int64_t train_images = eval("run", {"--split", "train"}).at("count");
  const int64_t validation_images = eval("run", {"--split", "val"}).at("count");
  EXPECT_EQ(train_images + validation_images, 60);
  EXPECT_GT(validation_images, 5);
  EXPECT_EQ(eval("run", {"--split", "val"}).at("loss"), last_line("run").at("val_loss"));
}

TEST_F(Splits, ATestPartKeptFromOneFolderStaysApart) {
  classes("S", 0, 20);
  ASSERT_EQ(train("S", "run").status, 0);
  const int64_t tested = eval("run").at("count");
  EXPECT_EQ(said_, "");
  EXPECT_GT(tested, 3);
  EXPECT_LT(tested, 30);
  EXPECT_EQ(tested + eval("run", {"--split", "train"}).at("count").get<int64_t>(), 60);
  EXPECT_EQ(eval("run", {"--set", "run.seed=5"}).at("count"), tested) << "the split is that of the run";

  fs::rename(dir_ / "S", dir_ / "T");
  EXPECT_EQ(eval("run", {"--set", "data.root=T"}).at("count"), tested) << "the same folder elsewhere";
  EXPECT_EQ(said_, "");
  ASSERT_EQ(program("ghost-convert", {"--checkpoint", "run", "-o", "w.safetensors"}).status, 0);
  const Finished of_weights = program("ghost-eval", {"--weights", "w.safetensors", "--set", "data.root=T", "--json"});
  EXPECT_EQ(json::parse(of_weights.out).at("count"), tested) << of_weights.err;

  classes("T", 20, 1);
  EXPECT_EQ(eval("run", {"--set", "data.root=T"}).at("count"), 63);
  EXPECT_THAT(said_, AllOf(HasSubstr("trained on a part of one folder"), HasSubstr("--set data.test_share=0.2")));
  EXPECT_LT(eval("run", {"--set", "data.root=T", "--set", "data.test_share=0.2"}).at("count"), 30);
  fs::rename(dir_ / "T", dir_ / "S");
  EXPECT_LT(eval("run").at("count"), 30);
  EXPECT_THAT(said_,
              AllOf(HasSubstr("the images of the run have changed"), HasSubstr("the training images are others")));
}

TEST_F(Splits, AChangedFolderIsSaidOnResume) {
  classes("A/train", 0, 8);
  classes("A/val", 10, 4);
  ASSERT_EQ(train("A", "run").status, 0);
  const auto resume = [&] { return program("ghost-train", {"--resume", "run", "--set", "train.epochs=6"}); };
  classes("A/val", 14, 1);
  const Finished end = resume();
  ASSERT_EQ(end.status, 0) << end.err;
  EXPECT_THAT(end.out + end.err,
              AllOf(HasSubstr("its images have changed: the test images are others: 15 instead of 12"),
                    HasSubstr("best accuracy so far"), Not(HasSubstr("the training images"))));
  EXPECT_EQ(read_checkpoint(dir_ / "run/checkpoints/last.safetensors").data->test.count, 15);
}

TEST_F(Splits, WhatIsNotClearIsRefusedBeforeARunBegins) {
  classes("A/train", 0, 4);
  dir_.write("A/val/1.png", test::png_bytes(test::patterned_image(8, 8, 3)));
  const Finished end = train("A", "run");
  EXPECT_EQ(end.status, 1);
  EXPECT_THAT(end.err, HasSubstr("A/val holds one picture, but no class folders"));
  EXPECT_FALSE(fs::exists(dir_ / "run"));
}

TEST_F(Splits, PredictLeavesOutJunkAndReadsEachFolderOnce) {
  classes("A/train", 0, 4);
  classes("A/val", 10, 1);
  ASSERT_EQ(train("A", "run").status, 0);
  dir_.write("A/val/@eaDir/x.png", std::string_view("x"));
  fs::create_directory_symlink("../car", dir_ / "A/val/bus/link");
  fs::create_directory_symlink("../bus", dir_ / "A/val/car/link");
  const Finished end = program("ghost-predict", {"--checkpoint", "run", "--json", "A/val"});
  EXPECT_EQ(end.status, 0) << end.err;
  EXPECT_EQ(json::parse(end.out).size(), 3U);
}

}  // namespace
}  // namespace ghost
