// One preparation of pictures for a network, whichever program takes it up.
#include <cmath>
#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>

#include "core/rng.h"
#include "core/safetensors.h"
#include "data/transforms.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/tiny_images.h"
#include "train/network/network.h"
#include "train/run/checkpoint.h"

namespace ghost {
namespace {

using nlohmann::json;
using test::Finished;
using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

constexpr const char* kClasses[] = {"bus", "car", "truck"};

// Noise with one colour brighter, which is the class.
Image picture(int64_t side, int64_t label, uint64_t number) {
  RandomStream random(number, "picture");
  Image image = Image::zeros(16, 16, 3);
  for (size_t i = 0; i < image.pixels.size(); i++)
    image.pixels[i] = static_cast<uint8_t>(random.below(120) + (static_cast<int64_t>(i % 3) == label ? 60 : 0));
  return resize_bilinear(image, {.height = 16, .width = 16}, side, side);
}

class Preparation : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = std::make_unique<TempDir>();
    write_folder("A", 16, 12);
    for (const int64_t side : {12, 24, 40}) write_folder("B" + std::to_string(side), side, 0);
    dir_->write("a.yaml", config("A", 16));
    ASSERT_EQ(run("ghost-train", {"--config", "a.yaml", "--run", "ra"}).status, 0);
  }
  static void TearDownTestSuite() { dir_.reset(); }

  // `root`/train with so many pictures of each class, if any, and `root`/val.
  static void write_folder(const std::string& root, int64_t side, int train) {
    for (int64_t label = 0; label < 3; label++)
      for (int i = 0; i < train + 4; i++)
        dir_->write(fmt::format("{}/{}/{}/{}.png", root, i < train || train == 0 ? "train" : "val", kClasses[label], i),
                    test::png_bytes(picture(side, label, static_cast<uint64_t>(i * 3 + label))));
    if (train == 0) fs::copy(*dir_ / root / "train", *dir_ / root / "val", fs::copy_options::recursive);
  }
  static std::string config(const std::string& root, int64_t image_size, const std::string& data = "") {
    return fmt::format(
        "model: {{name: plain_cnn, channels: [6, 8]}}\n"
        "data: {{name: image_folder, root: {}, image_size: {}{}}}\n"
        "optimizer: {{name: sgd, lr: 0.05, momentum: 0.9}}\n"
        "train: {{epochs: 6, batch_size: 12, eval_batch_size: 5}}\n"
        "run: {{seed: 3, threads: 1}}\n",
        root, image_size, data);
  }
  static Finished run(const char* program, const Words& arguments) {
    return test::run_program(program, arguments, {.directory = dir_->str()});
  }
  static json eval(const Words& network, const std::string& root) {
    Words arguments = network;
    arguments.insert(arguments.end(), {"--json", "--set", "data.name=image_folder", "--set", "data.root=" + root});
    const Finished end = run("ghost-eval", arguments);
    EXPECT_EQ(end.status, 0) << end.err;
    return end.status == 0 ? json::parse(end.out) : json();
  }
  // The mean −log p of the right class, and how pictures were prepared.
  static json predict(const Words& network, const std::string& folder) {
    Words arguments = network;
    arguments.insert(arguments.end(), {"--json", "--top", "100", folder});
    const Finished end = run("ghost-predict", arguments);
    EXPECT_EQ(end.status, 0) << end.err;
    if (end.status != 0) return {};
    double sum = 0;
    const json all = json::parse(end.out);
    for (const json& one : all) {
      const std::string truth = fs::path(one.at("file").get<std::string>()).parent_path().filename();
      for (const json& top : one.at("top"))
        if (top.at("class") == truth) sum -= std::log(top.at("probability").get<double>());
    }
    return {{"loss", sum / static_cast<double>(all.size())}, {"preprocessing", all.at(0).at("preprocessing")}};
  }
  static void expect_the_same(const Words& network, const std::string& root) {
    const json tested = eval(network, root), predicted = predict(network, root + "/val");
    ASSERT_TRUE(tested.contains("loss") && predicted.contains("loss"));
    EXPECT_NEAR(tested.at("loss").get<double>(), predicted.at("loss").get<double>(), 1e-6) << root;
    EXPECT_EQ(tested.at("preprocessing"), predicted.at("preprocessing"));
  }
  static fs::path in(const std::string& name) { return *dir_ / name; }

  static inline std::unique_ptr<TempDir> dir_;
};

TEST_F(Preparation, ATestSeesWhatPredictionsSeeWhateverTheSize) {
  const json own = eval({"--checkpoint", "ra"}, "A");
  EXPECT_GT(own.at("top1"), 90) << "a network that has learned nothing shows nothing";
  EXPECT_EQ(own.at("preprocessing").at("resize"), 16);
  EXPECT_EQ(own.at("preprocessing").at("fit"), "crop");
  for (const char* root : {"A", "B12", "B24", "B40"}) expect_the_same({"--checkpoint", "ra"}, root);
  // Smaller pictures are enlarged, so the network still knows them.
  EXPECT_GT(eval({"--checkpoint", "ra"}, "B12").at("top1"), 90);
}

TEST_F(Preparation, IsThatOfTheWeightsAndOfPicturesThatAreNotAllOfOneSize) {
  fs::copy(in("A"), in("mixed"), fs::copy_options::recursive);
  dir_->write("mixed/train/bus/odd.png", test::png_bytes(picture(40, 0, 999)));
  dir_->write("mixed.yaml", config("mixed", 16));
  const Finished trained = run("ghost-train", {"--config", "mixed.yaml", "--run", "rm", "--set", "train.epochs=1"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.out + trained.err, AllOf(HasSubstr("36 of 37 pictures"), HasSubstr("odd.png is 40×40")));
  EXPECT_EQ(read_checkpoint(in("rm/checkpoints/last.safetensors")).preprocessing.resize, 18);
  for (const char* root : {"A", "B12", "B24", "mixed"}) expect_the_same({"--checkpoint", "rm"}, root);

  ASSERT_EQ(run("ghost-convert", {"--checkpoint", "rm", "-o", "rm.safetensors"}).status, 0);
  for (const char* root : {"A", "B24"}) expect_the_same({"--weights", "rm.safetensors"}, root);
  EXPECT_EQ(eval({"--weights", "rm.safetensors"}, "A").at("loss"), eval({"--checkpoint", "rm"}, "A").at("loss"));
}

TEST_F(Preparation, GoesOnAsItBegan) {
  write_folder("grows", 16, 6);
  dir_->write("grows.yaml", config("grows", 16));
  const auto train = [&](const Words& arguments) {
    const Finished end = run("ghost-train", arguments);
    ASSERT_EQ(end.status, 0) << end.err;
  };
  train({"--config", "grows.yaml", "--run", "rg", "--set", "train.epochs=1"});
  dir_->write("grows/train/bus/0.png", test::png_bytes(picture(40, 0, 999)));
  train({"--resume", "rg", "--set", "train.epochs=2"});
  EXPECT_EQ(read_checkpoint(in("rg/checkpoints/last.safetensors")).preprocessing.resize, 16);
}

TEST_F(Preparation, OfPaddedImagesIsTheSameForFilesOfThem) {
  test::write_tiny_idx(in("idx"), {.train = 32, .test = 12, .classes = 3, .size = 8});
  dir_->write("idx.yaml",
              "model: {name: plain_cnn, channels: [6, 8]}\n"
              "data: {name: idx, root: idx, image_size: 12}\n"
              "train: {epochs: 2, batch_size: 8}\nrun: {threads: 1}\n");
  ASSERT_EQ(run("ghost-train", {"--config", "idx.yaml", "--run", "ri"}).status, 0);
  const DataSplits data = open_data({.name = "idx", .root = in("idx").string()}, 0);
  for (int64_t i = 0; i < data.test->size(); i++) {
    const Image stored = data.test->read(i);
    for (const int64_t side : {8, 16, 5})
      for (const char* part : {"train", "val"})
        dir_->write(fmt::format("files{}/{}/{}/{}.png", side, part, data.test->label(i), i),
                    test::png_bytes(resize_bilinear(stored, {.height = 8, .width = 8}, side, side)));
  }
  const Finished end = run("ghost-eval", {"--checkpoint", "ri", "--json"});
  ASSERT_EQ(end.status, 0) << end.err;
  const json tested = json::parse(end.out);
  EXPECT_EQ(tested.at("preprocessing").at("resize"), 8);
  EXPECT_EQ(tested.at("preprocessing").at("fit"), "pad");
  EXPECT_NEAR(tested.at("loss").get<double>(), predict({"--checkpoint", "ri"}, "files8/val").at("loss").get<double>(),
              1e-6);
  for (const char* root : {"files8", "files16", "files5"}) expect_the_same({"--checkpoint", "ri"}, root);
}

// Before `fit`, a resize of 0 meant one thing to the one program and another to the other.
TEST_F(Preparation, OfACheckpointThatSaysResize0IsTheSameEverywhere) {
  SafetensorsFile old = read_safetensors(in("ra/checkpoints/best.safetensors"));
  json preprocessing = json::parse(old.metadata.at("preprocessing"));
  preprocessing["resize"] = 0;
  preprocessing.erase("fit");
  old.metadata["preprocessing"] = preprocessing.dump();
  write_safetensors(in("old.safetensors"), old.tensors, old.metadata);
  for (const char* root : {"A", "B12", "B24", "B40"}) expect_the_same({"--checkpoint", "old.safetensors"}, root);
  const json read = eval({"--checkpoint", "old.safetensors"}, "A").at("preprocessing");
  EXPECT_EQ(read.at("fit"), "shrink");
  EXPECT_EQ(read.at("resize"), 16);
}

TEST_F(Preparation, WithOtherStatisticsIsRefusedByAllPrograms) {
  dir_->write("other.yaml", config("A", 16, ", mean: [0.1, 0.2, 0.3], std: [0.5, 0.5, 0.5]"));
  ASSERT_EQ(run("ghost-convert", {"--checkpoint", "ra", "-o", "own.safetensors"}).status, 0);
  const std::map<const char*, Words> programs{{"ghost-eval", {}},
                                              {"ghost-predict", {"A/val/bus/12.png"}},
                                              {"ghost-inspect", {"--image", "A/val/bus/12.png"}},
                                              {"ghost-convert", {"-o", "refused.safetensors"}}};
  for (const auto& [program, more] : programs)
    for (Words arguments :
         {Words{"--checkpoint", "ra", "--set", "data.mean=[0.1,0.2,0.3]", "--set", "data.std=[0.5,0.5,0.5]"},
          Words{"--weights", "own.safetensors", "--config", "other.yaml"}}) {
      arguments.insert(arguments.end(), more.begin(), more.end());
      const Finished end = run(program, arguments);
      EXPECT_EQ(end.status, 2) << program;
      EXPECT_THAT(end.err, AllOf(HasSubstr("data.mean is [0.1, 0.2, 0.3], but"),
                                 HasSubstr("was trained with [0.485, 0.456, 0.406]")))
          << program;
    }
  EXPECT_FALSE(fs::exists(in("refused.safetensors")));
}

TEST_F(Preparation, InAnotherSizeIsSaidAndFollowedByAllPrograms) {
  Words network{"--checkpoint", "ra"};
  for (const char* set : {"data.image_size=24", "data.resize=28"}) network.insert(network.end(), {"--set", set});
  expect_the_same(network, "B40");
  EXPECT_EQ(eval(network, "B40").at("preprocessing").at("resize"), 28);
  network.push_back("A/val/bus/12.png");
  const Finished end = run("ghost-predict", network);
  EXPECT_THAT(end.err, AllOf(HasSubstr("was trained with: shorter side to 16, centre 16×16"),
                             HasSubstr("it is: shorter side to 28, centre 24×24")));
  EXPECT_THAT(end.out, HasSubstr("pictures  shorter side to 28, centre 24×24, RGB, mean 0.485"));
  const Finished refused = run("ghost-predict", {"--checkpoint", "ra", "--set", "data.resize=8", "A/val"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("data.resize is 8, but must be at least data.image_size, 16"));
}

TEST_F(Preparation, IsPrintedByAllPrograms) {
  const std::string said = "shorter side to 16, centre 16×16, RGB, mean 0.485 0.456 0.406, std 0.229 0.224 0.225";
  EXPECT_THAT(run("ghost-eval", {"--checkpoint", "ra"}).out, HasSubstr("pictures           " + said));
  EXPECT_THAT(run("ghost-predict", {"--checkpoint", "ra", "A/val"}).out, HasSubstr("pictures  " + said));
  const Words inspected{"--checkpoint", "ra", "--image", "A/val/bus/12.png", "--kernels", "1"};
  EXPECT_THAT(run("ghost-inspect", inspected).out, HasSubstr("Pictures: " + said));
  Words as_json = inspected;
  as_json.push_back("--json");
  EXPECT_EQ(json::parse(run("ghost-inspect", as_json).out).at("preprocessing").at("resize"), 16);
  const Finished trained = run("ghost-train", {"--config", "a.yaml", "--run", "first", "--set", "train.epochs=1"});
  EXPECT_THAT(trained.out + trained.err, HasSubstr("pictures shorter side to 16, centre 16×16, mean 0.485"));
  const Finished compared = run("ghost-compare", {"ra", "--no-timing", "--json"});
  EXPECT_EQ(json::parse(compared.out).at("configurations").at(0).at("predictions").at("preprocessing").at("fit"),
            "crop");
}

TEST_F(Preparation, IsSaidWherePretrainedWeightsWereTrainedOtherwise) {
  const auto fine_tuned = [&](const std::string& run_name, const Words& sets) {
    Words arguments{"--config", "a.yaml", "--run", run_name, "--set", "model.pretrained=ra", "--set", "train.epochs=1"};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    const Finished end = run("ghost-train", arguments);
    EXPECT_EQ(end.status, 0) << end.err;
    return end.out + end.err;
  };
  EXPECT_THAT(fine_tuned("f1", {}), Not(HasSubstr("was trained")));
  EXPECT_THAT(fine_tuned("f2", {"data.mean=[0.1,0.2,0.3]", "data.std=[0.5,0.5,0.5]", "data.image_size=20"}),
              AllOf(HasSubstr("was trained with mean 0.485 0.456 0.406, std 0.229 0.224 0.225, but now pictures are "
                              "normalised with mean 0.1 0.2 0.3, std 0.5 0.5 0.5"),
                    HasSubstr("was trained on pictures of 16×16, and now they are 20×20")));
}

// Weights of others say nothing, so the configuration does, and what is written is what is done.
TEST_F(Preparation, OfForeignWeightsIsWrittenDown) {
  const Network trained = load_network({.checkpoint = in("ra").string()});
  write_safetensors(in("foreign.safetensors"), state_dict(*trained.model));
  dir_->write("names.txt", "bus\ncar\ntruck\n");
  const auto converted = [&](const Words& sets) {
    Words arguments{"--weights", "foreign.safetensors", "--config", "a.yaml", "-o", "c.safetensors", "--force"};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    const Finished end = run("ghost-convert", arguments);
    EXPECT_EQ(end.status, 0) << end.err;
    const auto metadata = read_safetensors_metadata(in("c.safetensors"));
    return metadata.contains("preprocessing") ? json::parse(metadata.at("preprocessing")) : json();
  };
  const json known = converted({});
  EXPECT_EQ(known, eval({"--checkpoint", "ra"}, "A").at("preprocessing"));
  EXPECT_EQ(converted({"data.root=nowhere"}).at("resize"), 18) << "photos, as far as anybody knows";
  EXPECT_EQ(converted({"data.root=nowhere", "data.resize=16"}), known);
  const Words foreign{"--weights", "foreign.safetensors", "--config", "a.yaml"};
  Words named = foreign;
  named.insert(named.end(), {"--classes", "names.txt"});
  EXPECT_EQ(predict(named, "A/val").at("preprocessing"), known);
  EXPECT_NEAR(predict(named, "A/val").at("loss").get<double>(), eval(foreign, "A").at("loss").get<double>(), 1e-6);
}

}  // namespace
}  // namespace ghost
