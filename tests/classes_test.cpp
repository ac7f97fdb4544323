// Which output of a network is which class: names from files, by position and by name, in all programs.
#include "train/network/classes.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using nlohmann::json;
using test::error_of;
using test::Finished;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

TEST(ClassNames, OfOutputsThatNobodyNamed) {
  EXPECT_EQ(name_of_class({"bus", "car"}, 1), "car");
  EXPECT_EQ(name_of_class({"bus", "car"}, 2), "class 2");
  EXPECT_EQ(name_of_class({}, 207), "class 207");
}

TEST(ClassNames, AFileIsTextWithOneNameALine) {
  const TempDir dir;
  const auto names = [&](std::string_view text) { return read_class_names(dir.write("names.txt", text)); };
  EXPECT_THAT(names("\xEF\xBB\xBF"
                    "bus\r\ncar\r\n"),
              ElementsAre("bus", "car"));
  EXPECT_THAT(names("Käfer\ntwo words"), ElementsAre("Käfer", "two words"));
  const auto message = [&](std::string_view text) { return error_of([&] { names(text); }); };
  EXPECT_THAT(message("bus\n\ncar\n"), AllOf(HasSubstr("names.txt: line 2 is blank"), HasSubstr("take it out")));
  EXPECT_THAT(message("bus\ncar\n\n"), HasSubstr("line 3 is blank"));
  EXPECT_THAT(message("bus\n \t\n"), HasSubstr("line 2 is blank"));
  EXPECT_THAT(message("bus\ncar\ncrane\ncar\n"), HasSubstr("lines 2 and 4 are both 'car'"));
  EXPECT_THAT(message("bus\nK\xE4"
                      "fer\n"),
              HasSubstr("line 2 is not UTF-8"));
  EXPECT_THAT(message(std::string_view("\xFF\xFE"
                                       "b\0u\0",
                                       6)),
              HasSubstr("begins as UTF-16 does"));
  EXPECT_THAT(message(std::string_view("b\0u\0s\0\n\0", 8)), HasSubstr("line 1 holds a byte 0"));
  EXPECT_THAT(message(""), HasSubstr("names no class"));
  EXPECT_THAT(message("\xEF\xBB\xBF"), HasSubstr("names no class"));
}

TEST(ClassNames, OthersSortNumbersByTheirValue) {
  EXPECT_THAT(other_order_warning("w", {"1", "10", "2"}),
              AllOf(HasSubstr("w: the classes are sorted as text, so that output 1 is '10'"), HasSubstr("it is '2'")));
  EXPECT_THAT(other_order_warning("w", {"Zebra", "ape"}), HasSubstr("output 0 is 'Zebra'"));
  EXPECT_EQ(other_order_warning("w", {"01", "02", "10"}), "");
  EXPECT_EQ(other_order_warning("w", {"ape", "bus", "car"}), "");
  EXPECT_EQ(other_order_warning("w", {"trouser", "9", "10"}), "") << "an order of the data's own";
  EXPECT_EQ(other_order_warning("w", {"n01440764", "n01443537"}), "");
}

TEST(ClassNames, ByPositionFirstAndLast) {
  EXPECT_EQ(classes_by_position({"bus", "car"}), "0 = 'bus', 1 = 'car'");
  Words many;
  for (int i = 0; i < 1000; ++i) many.push_back(fmt::format("n{:03}", i));
  EXPECT_THAT(classes_by_position(many),
              AllOf(HasSubstr("7 = 'n007', …, 998 = 'n998', 999 = 'n999'"), Not(HasSubstr("n008"))));
}

// Three classes that a small network tells apart, trained as a, b, c; and its weights as others would have them:
// without names. The same pictures in folders whose names sort otherwise as text than as numbers.
class WhichClass : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = std::make_unique<TempDir>();
    for (const std::string part : {"train", "val"})
      for (int i = 0; i < 8; ++i) {
        write_picture("abc/" + part + "/a", i, 30), write_picture("abc/" + part + "/b", i, 120);
        write_picture("abc/" + part + "/c", i, 220);
        write_picture("numbers/" + part + "/1", i, 30), write_picture("numbers/" + part + "/2", i, 120);
        write_picture("numbers/" + part + "/10", i, 220);
      }
    dir_->write("net.yaml", std::string_view(kConfig));
    trained_ = in_folder("ghost-train", {"--config", "net.yaml", "--run", "run"});
    if (trained_.status != 0) return;
    const Network network = load_network({.checkpoint = (*dir_ / "run").string()});
    write_safetensors(*dir_ / "bare.safetensors", state_dict(*network.model));
    fs::copy_file(*dir_ / "abc/val/b/0.png", *dir_ / "b.png");
  }
  static void TearDownTestSuite() { dir_.reset(); }
  void SetUp() override { ASSERT_EQ(trained_.status, 0) << trained_.err; }

  static void write_picture(const std::string& folder, int i, int grey) {
    const auto v = static_cast<uint8_t>(grey + i);
    dir_->write(fs::path(folder) / fmt::format("{}.png", i), test::png_bytes(test::constant_image(8, 8, {v, v, v})));
  }
  static Finished in_folder(const std::string& program, const Words& arguments) {
    return test::run_program(program, arguments, {.directory = dir_->str()});
  }
  static Finished eval(Words more) {
    more.insert(more.begin(), {"--weights", "bare.safetensors", "--config", "net.yaml", "--json"});
    return in_folder("ghost-eval", more);
  }
  static Finished predict(Words more) {
    more.insert(more.begin(), {"--weights", "bare.safetensors", "--config", "net.yaml", "b.png"});
    return in_folder("ghost-predict", more);
  }

  static constexpr const char* kConfig =
      "model: {name: plain_cnn, channels: [8]}\n"
      "data: {name: image_folder, root: abc, image_size: 8, resize: 8, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, "
      "0.25]}\n"
      "optimizer: {name: adam, lr: 0.02}\n"
      "train: {epochs: 15, batch_size: 8}\n"
      "run: {seed: 1, threads: 1}\n";
  static inline std::unique_ptr<TempDir> dir_;
  static inline Finished trained_{};
};

TEST_F(WhichClass, NamelessWeightsAreTestedByPositionAndTheMappingIsSaid) {
  const Finished run = eval({});
  ASSERT_EQ(run.status, 0) << run.err;
  const json result = json::parse(run.out);
  EXPECT_EQ(result.at("top1"), 100);
  EXPECT_EQ(result.at("classes_by"), "position");
  EXPECT_THAT(run.err, AllOf(HasSubstr("does not name its classes, so those of image_folder are taken by position: 0 = "
                                       "'a', 1 = 'b', 2 = 'c'"),
                             Not(HasSubstr("sorted as text"))));
  // The best is an early one, whose running statistics are young.
  const Finished known = in_folder("ghost-eval", {"--checkpoint", "run/checkpoints/last.safetensors", "--json"});
  EXPECT_EQ(known.err, "") << "where all is as usual";
  EXPECT_EQ(json::parse(known.out).at("classes_by"), "name");
}

TEST_F(WhichClass, NumbersInTheOrderOfTextAreWarnedOfAndAFileOfNamesSettlesIt) {
  const Finished text = eval({"--set", "data.root=numbers"});
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_LT(json::parse(text.out).at("top1").get<double>(), 50);
  EXPECT_THAT(text.err, AllOf(HasSubstr("0 = '1', 1 = '10', 2 = '2'"),
                              HasSubstr("sorted as text, so that output 1 is "
                                        "'10'"),
                              HasSubstr("--classes FILE")));
  dir_->write("numbers.txt", std::string_view("1\n2\n10\n"));
  const Finished named = eval({"--set", "data.root=numbers", "--classes", "numbers.txt"});
  ASSERT_EQ(named.status, 0) << named.err;
  EXPECT_EQ(json::parse(named.out).at("top1"), 100);
  EXPECT_EQ(json::parse(named.out).at("classes_by"), "name");
  dir_->write("two.txt", std::string_view("1\n2\n"));
  EXPECT_THAT(eval({"--classes", "two.txt"}).err, HasSubstr("3 outputs, but two.txt names 2 classes ('1', …)"));
}

TEST_F(WhichClass, PicturesAreNamedByOutputWhereNobodyKnowsTheClasses) {
  const Finished run = predict({"--json", "--top", "1", "--set", "data.root=nowhere"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(json::parse(run.out).at(0).at("top").at(0).at("class"), "class 1");
  EXPECT_THAT(run.err, AllOf(HasSubstr("class 0 to class 2"), HasSubstr("--classes FILE")));
  const Finished asked = predict({"--json", "--top", "1"});
  EXPECT_EQ(json::parse(asked.out).at(0).at("top").at(0).at("class"), "b");
  EXPECT_THAT(asked.err, HasSubstr("those of image_folder by position: 0 = 'a', 1 = 'b', 2 = 'c'"));
}

TEST_F(WhichClass, LogitsAreTheOutputsBeforeSoftmax) {
  const Finished run = predict({"--json", "--logits", "--top", "1"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json one = json::parse(run.out).at(0);
  const auto logits = one.at("logits").get<std::vector<double>>();
  ASSERT_EQ(logits.size(), 3U);
  double sum = 0;
  for (const double z : logits) sum += std::exp(z - logits[1]);
  EXPECT_NEAR(one.at("top").at(0).at("probability").get<double>(), 1 / sum, 1e-9);
  EXPECT_FALSE(json::parse(predict({"--json"}).out).at(0).contains("logits"));
  EXPECT_EQ(predict({"--logits"}).status, 2);
}

// Fine-tuning from the run on the same pictures with one class called otherwise.
TEST_F(WhichClass, FineTuningTakesRowsByNameAndSaysSo) {
  for (const std::string part : {"train", "val"}) {
    const fs::path from = *dir_ / "abc" / part, to = *dir_ / "zabc" / part;
    fs::create_directories(to);
    fs::copy(from / "a", to / "z", fs::copy_options::recursive);
    fs::copy(from / "b", to / "b", fs::copy_options::recursive);
    fs::copy(from / "c", to / "c", fs::copy_options::recursive);
  }
  Words arguments{"--config", "net.yaml",          "--set", "data.root=zabc",      "--set", "train.epochs=1",
                  "--set",    "optimizer.lr=1e-9", "--set", "model.pretrained=run"};
  Words named = arguments;
  named.insert(named.end(), {"--run", "renamed"});
  const Finished run = in_folder("ghost-train", named);
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out + run.err, HasSubstr("by name for 2 of the 3 classes of the data; 'z' starts anew"));
  // b and c are told apart as before, though their outputs are others now.
  const Finished tested = in_folder("ghost-eval", {"--checkpoint", "renamed", "--json", "--per-class"});
  ASSERT_EQ(tested.status, 0) << tested.err;
  std::map<std::string, double> top1;
  const json result = json::parse(tested.out);
  for (const json& one : result.at("per_class")) top1[one.at("class")] = one.at("top1");
  EXPECT_EQ(top1.at("c"), 100);

  Words frozen = arguments;
  frozen.insert(frozen.end(), {"--run", "frozen", "--set", "train.freeze=[fc]"});
  const Finished refused = in_folder("ghost-train", frozen);
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("fc is frozen, but the row of 'z' in fc starts at random values"),
                                 HasSubstr("take fc out of train.freeze")));

  arguments.back() = "model.pretrained=bare.safetensors";
  arguments.insert(arguments.end(), {"--run", "position"});
  const Finished nameless = in_folder("ghost-train", arguments);
  ASSERT_EQ(nameless.status, 0) << nameless.err;
  EXPECT_THAT(nameless.out + nameless.err,
              HasSubstr("does not name its classes, so fc is taken over by position: 0 = 'b', 1 = 'c', 2 = 'z'"));
}

TEST_F(WhichClass, WhatIsNoFileOfWeightsIsNamedByItsContent) {
  dir_->write("page.safetensors", std::string_view("\n<!doctype HTML>\n<html>404</html>"));
  dir_->write("pointer.safetensors", std::string_view("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"));
  const auto message = [](const char* file) {
    return in_folder("ghost-eval", {"--weights", file, "--config", "net.yaml"}).err;
  };
  EXPECT_THAT(message("page.safetensors"), HasSubstr("this is an HTML page"));
  EXPECT_THAT(message("pointer.safetensors"), HasSubstr("git lfs pull"));
}

}  // namespace
}  // namespace ghost
