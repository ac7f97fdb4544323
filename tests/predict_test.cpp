// ghost-predict as a user meets it, and the Predictor behind it.
#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/ops/softmax.h"
#include "core/safetensors.h"
#include "data/class_folders.h"
#include "data/loader.h"
#include "nn/state_dict.h"
#include "support/command.h"
#include "support/modules.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/tiny_images.h"
#include "train/loop/trainer.h"
#include "train/network/predictor.h"

namespace ghost {
namespace {

using nlohmann::json;
using test::error_of;
using test::Finished;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

// A small network of 8×8 grey pictures, trained for an epoch, in run/; and pictures of all kinds in photos/.
class Predict : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir;
    test::write_tiny_task(*dir_);
    const Finished run =
        test::run_program("ghost-train", {"--config", "tiny.yaml", "--run", "run"}, {.directory = dir_->str()});
    ASSERT_EQ(run.status, 0) << run.err;
    dir_->write("photos/b.png", test::png_bytes(test::patterned_image(8, 8, 1, 3)));
    dir_->write("photos/a.JPG", test::jpeg_bytes(test::patterned_image(40, 30, 3, 5)));
    dir_->write("photos/deep/er/c.bmp", test::bmp_bytes(test::patterned_image(5, 90, 3, 7)));
    dir_->write("photos/notes.txt", std::string_view("no picture"));
    dir_->write("photos/.hidden.png", std::string_view("no picture"));
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }

  static Finished predict(Words arguments) {
    arguments.insert(arguments.begin(), {"--checkpoint", "run"});
    return test::run_program("ghost-predict", arguments, {.directory = dir_->str()});
  }
  static Network network() { return load_network({.checkpoint = (*dir_ / "run").string()}); }

  static TempDir* dir_;
};
TempDir* Predict::dir_ = nullptr;

TEST_F(Predict, GoesThroughFoldersInOrder) {
  const Finished run = predict({"--json", "photos"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
  std::vector<std::string> files;
  for (const json& one : json::parse(run.out)) {
    files.push_back(one.at("file").get<std::string>());
    double sum = 0, before = 1;
    EXPECT_EQ(one.at("top").size(), 4U);  // of five wanted, all there are
    for (const json& top : one.at("top")) {
      EXPECT_EQ(top.at("class"), std::to_string(top.at("index").get<int64_t>()));
      const double probability = top.at("probability").get<double>();
      EXPECT_LE(probability, before);
      before = probability;
      sum += probability;
    }
    EXPECT_NEAR(sum, 1, 1e-12);
  }
  EXPECT_THAT(files, ElementsAre("photos/a.JPG", "photos/b.png", "photos/deep/er/c.bmp"));
}

TEST_F(Predict, TellsWhatItCouldNotReadAndPrintsTheRest) {
  dir_->write("broken.png", std::string_view("\x89PNG\r\n\x1A\n and no more"));
  fs::create_directories(*dir_ / "empty");
  const Words arguments{"photos/b.png", "broken.png", "nowhere.jpg", "empty", "photos/a.JPG"};

  const Finished text = predict(arguments);
  EXPECT_EQ(text.status, 1);
  EXPECT_THAT(text.out,
              AllOf(StartsWith("pictures  shorter side to 8, centre 8×8, grey, mean 0.4, std 0.25\n\nphotos/b.png\n"),
                    HasSubstr("\n\nphotos/a.JPG\n"), Not(HasSubstr("broken"))));
  EXPECT_THAT(text.err, AllOf(HasSubstr("ghost-predict: broken.png: "), HasSubstr("ghost-predict: nowhere.jpg: "),
                              HasSubstr("ghost-predict: empty: "), HasSubstr("3 of 5 could not be read")));

  Words as_json = arguments;
  as_json.insert(as_json.begin(), "--json");
  const Finished run = predict(as_json);
  EXPECT_EQ(run.status, 1);
  const json all = json::parse(run.out);
  ASSERT_EQ(all.size(), 5U);
  for (const size_t i : {0U, 4U}) EXPECT_FALSE(all[i].contains("error"));
  for (const size_t i : {1U, 2U, 3U}) {
    EXPECT_EQ(all[i].at("file"), arguments[i]);
    EXPECT_THAT(all[i].at("error").get<std::string>(), StartsWith(arguments[i]));
    EXPECT_FALSE(all[i].contains("top"));
  }
}

TEST_F(Predict, SurvivesEveryBadPicture) {
  const fs::path bad = test::shared_dir() / "data/bad-images";
  if (!fs::exists(bad)) GTEST_SKIP() << bad << " is not there";
  const json manifest = json::parse(std::ifstream(bad / "manifest.json"));
  const Finished run = predict({"--json", bad.string()});
  EXPECT_EQ(run.status, 1);
  const json all = json::parse(run.out);
  EXPECT_EQ(std::ssize(all), std::ssize(pictures_below(bad).files));
  int64_t read = 0;
  for (const json& one : all) {
    EXPECT_NE(one.contains("top"), one.contains("error")) << one;
    read += one.contains("top");
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, std::ssize(all));
}

TEST_F(Predict, WritesCsvWithQuotes) {
  dir_->write("odd, \"name\".png", test::png_bytes(test::patterned_image(8, 8, 1)));
  const Finished run = predict({"--csv", "--top", "1", "odd, \"name\".png", "nowhere,.png"});
  EXPECT_EQ(run.status, 1);
  std::istringstream lines(run.out);
  std::string header, good, bad, more;
  std::getline(lines, header), std::getline(lines, good), std::getline(lines, bad);
  EXPECT_EQ(header, "file,rank,class,index,probability,error");
  EXPECT_THAT(good, AllOf(StartsWith("\"odd, \"\"name\"\".png\",1,"), EndsWith(",")));
  EXPECT_THAT(bad, StartsWith("\"nowhere,.png\",,,,,\"nowhere,.png: "));
  EXPECT_FALSE(std::getline(lines, more));
}

TEST_F(Predict, TakesNamesFromStandardInput) {
  dir_->write("names.txt", std::string_view("photos/b.png\r\n\nphotos/deep\n"));
  const auto run = test::run_command("cd '" + dir_->str() + "' && '" + test::program_path("ghost-predict") +
                                     "' --checkpoint run --top 1 --csv photos/a.JPG - < names.txt");
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_THAT(run.output, AllOf(HasSubstr("\nphotos/a.JPG,1,"), HasSubstr("\nphotos/b.png,1,"),
                                HasSubstr("\nphotos/deep/er/c.bmp,1,")));
  const Finished none = predict({"-"});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("standard input names no files"));
}

// Weights alone know as much as they carry, and the configuration and --classes tell the rest.
TEST_F(Predict, TakesWeightsAsItTakesTheCheckpointTheyAreOf) {
  const auto in_folder = [](const char* program, const Words& arguments) {
    return test::run_program(program, arguments, {.directory = dir_->str()});
  };
  const std::string expected = predict({"--json", "photos/b.png"}).out;
  ASSERT_EQ(in_folder("ghost-convert", {"--checkpoint", "run", "-o", "carries.safetensors"}).status, 0);
  const Finished carries = in_folder("ghost-predict", {"--weights", "carries.safetensors", "--json", "photos/b.png"});
  EXPECT_EQ(carries.status, 0) << carries.err;
  EXPECT_EQ(carries.out, expected);

  write_safetensors(*dir_ / "bare.safetensors", state_dict(*network().model));
  dir_->write("names.txt", std::string_view("0\n1\n2\n3\n"));
  const Words bare{"--weights", "bare.safetensors", "--config", "tiny.yaml",   "--set", "data.image_size=8",
                   "--set",     "data.resize=8",    "--json",   "photos/b.png"};
  Words named = bare;
  named.insert(named.end(), {"--classes", "names.txt", "--set", "data.root=nowhere"});
  const Finished told = in_folder("ghost-predict", named);
  EXPECT_EQ(told.status, 0) << told.err;
  EXPECT_EQ(told.out, expected);
  EXPECT_EQ(in_folder("ghost-predict", bare).out, expected) << "the data set knows the names";

  Words untold = bare;
  untold.insert(untold.end(), {"--set", "data.root=nowhere"});
  const Finished nameless = in_folder("ghost-predict", untold);
  EXPECT_EQ(nameless.status, 0);
  EXPECT_THAT(nameless.out, HasSubstr("\"class 0\""));
  EXPECT_THAT(nameless.err, HasSubstr("--classes FILE names them"));
  const Finished refused = in_folder("ghost-predict", {"--weights", "bare.safetensors", "--config", "tiny.yaml",
                                                       "--set", "data.root=nowhere", "photos/b.png"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("set data.image_size and data.resize"));
  dir_->write("three.txt", std::string_view("a\nb\nc\n"));
  EXPECT_THAT(predict({"--classes", "three.txt", "photos"}).err,
              HasSubstr("has 4 outputs, but three.txt names 3 classes"));
}

// The same network over the same pictures through the loader of ghost-eval.
TEST_F(Predict, AgreesWithTheEvaluatorsLogits) {
  const Network trained = network();
  Predictor predictor(trained);
  std::vector<double> predicted;
  std::vector<fs::path> files;
  for (const std::string& below : pictures_below(*dir_ / "photos").files) files.push_back(*dir_ / "photos" / below);
  predictor.predict(files, {.top = 4}, [&](const Prediction& p) {
    std::vector<double> of_class(4);
    for (const ClassScore& score : p.top) of_class[static_cast<size_t>(score.index)] = score.probability;
    predicted.insert(predicted.end(), of_class.begin(), of_class.end());
  });

  TempDir classes;
  fs::copy(*dir_ / "photos", classes / "one", fs::copy_options::recursive);
  const DataSplits splits = splits_of(*trained.preprocessing);
  Loader loader(read_image_folder(classes.path()), splits, {}, {.batch_size = 8}, {});
  loader.start(0);
  ModelConfig config = trained.config.model;
  config.num_classes = 4, config.in_channels = 1;
  const ModulePtr model = build_model(config, 0);
  load_state_dict(*model, state_dict(*trained.model));
  model->eval();
  const NoGrad no_grad;
  const Tensor logits = (*model)(loader.next()->images);
  EXPECT_EQ(softmax(logits.to(DType::f64)).to_vector<double>(), predicted);
}

// Threads: to the bit. Batches: to rounding, since BLAS may multiply one row by the classifier's weights in another
// order than several.
TEST_F(Predict, DoesNotDependOnThreadsAndBatches) {
  std::vector<std::string> names;
  for (int i = 0; i < 21; ++i) {
    names.push_back(fmt::format("many/{:02}.png", i));
    dir_->write(names.back(), test::png_bytes(test::patterned_image(6 + i, 20 - i / 2, i % 2 ? 3 : 1, i)));
  }
  const auto answers = [&](const char* batch, const char* threads) {
    return predict({"--json", "--batch", batch, "--threads", threads, "many"}).out;
  };
  const json reference = json::parse(answers("32", "1"));
  EXPECT_EQ(reference.size(), 21U);
  for (const char* batch : {"1", "4", "21"}) {
    const std::string once = answers(batch, "1");
    for (const char* threads : {"2", "3"}) EXPECT_EQ(answers(batch, threads), once) << batch << " " << threads;
    const json all = json::parse(once);
    ASSERT_EQ(all.size(), reference.size());
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].at("file"), reference[i].at("file"));
      for (size_t k = 0; k < reference[i].at("top").size(); ++k) {
        const json &a = all[i].at("top").at(k), &b = reference[i].at("top").at(k);
        EXPECT_EQ(a.at("index"), b.at("index"));
        EXPECT_NEAR(a.at("probability").get<double>(), b.at("probability").get<double>(), 1e-6);
      }
    }
  }
}

TEST_F(Predict, RefusesWrongUsage) {
  EXPECT_THAT(predict({}).err, HasSubstr("needs pictures"));
  EXPECT_EQ(predict({}).status, 2);
  EXPECT_EQ(predict({"--top", "0", "photos"}).status, 2);
  EXPECT_EQ(predict({"--json", "--csv", "photos"}).status, 2);
  const Finished none = test::run_program("ghost-predict", {"photos"}, {.directory = dir_->str()});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("needs --checkpoint"));
  Predictor predictor(network());
  EXPECT_THAT(error_of([&] { predictor.predict({}, {.top = 0}, {}); }), HasSubstr("at least 1"));
  EXPECT_THAT(error_of([&] { predictor.predict({}, {.batch_size = 0}, {}); }), HasSubstr("at least 1"));
}

// One pixel high: resized as for ImageNet it would take gigabytes.
TEST_F(Predict, RefusesStripsThatResizingWouldBlowUp) {
  Network trained = network();
  trained.preprocessing->resize = 256;
  dir_->write("strip.png", test::png_bytes(test::patterned_image(1, 2000, 1)));
  dir_->write("narrow.png", test::png_bytes(test::patterned_image(1, 1000, 1)));
  Predictor predictor(trained);
  std::vector<std::string> errors;
  predictor.predict({*dir_ / "strip.png", *dir_ / "narrow.png"}, {},
                    [&](const Prediction& p) { errors.push_back(p.error); });
  EXPECT_THAT(errors, ElementsAre(AllOf(HasSubstr("strip.png: 2000x1 pixels"), HasSubstr("100 million")), ""));
}

// A picture that its network answers with NaN has no probabilities.
TEST_F(Predict, RefusesAnswersThatAreNoNumbers) {
  const Network broken = network();
  for (Parameter& p : broken.model->parameters())
    std::fill_n(p.tensor.mutable_data<float>(), p.tensor.numel(), std::nanf(""));
  Predictor predictor(broken);
  EXPECT_THAT(error_of([&] { predictor.predict({*dir_ / "photos/b.png"}, {}, [](const Prediction&) {}); }),
              AllOf(HasSubstr("b.png"), HasSubstr("NaN")));
}

}  // namespace
}  // namespace ghost
