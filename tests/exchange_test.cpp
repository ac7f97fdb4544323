// Weights out to PyTorch and in from it, with PyTorch itself on the other side, and ghost-convert and ghost-eval in
// between.
#include <cmath>
#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>

#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "data/loader.h"
#include "nn/state_dict.h"
#include "support/command.h"
#include "support/modules.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/network/export.h"
#include "train/network/pretrained.h"

namespace ghost {
namespace {

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

double relative_difference(const Tensor& came, const Tensor& expected) {
  return test::largest_difference(came, expected) / test::largest_magnitude(expected);
}

Tensor logits_of(Module& model, const Tensor& pytorch_images) {
  const NoGrad constant;
  model.eval();
  return model(from_pytorch_axes(pytorch_images));
}

// Config of each network of peer.py.
const std::map<std::string, std::string>& configs() {
  static const std::map<std::string, std::string> all{
      {"ghostnet", "model: {name: ghostnet, num_classes: 1000}\ndata: {name: image_folder}\n"},
      {"mini_group_net", "model: {name: mini_group_net, groups: 4}\n"},  // the rest follows the file
      {"resnet18", "model: {name: resnet, depth: 18}\n"},
      {"vgg11", "model: {name: vgg, depth: 11, layout: cifar}\n"}};
  return all;
}

class WithPyTorch : public testing::Test {
 protected:
  // Once for all tests: starting PyTorch takes longer than what it computes.
  static void SetUpTestSuite() {
    if (test::run_command("/usr/bin/python3 -c 'import torch'").status != 0)
      missing_ = "python3-torch is not installed";
    if (!missing_.empty()) return;
    dir_ = std::make_unique<TempDir>();
    made_ = peer("make");
    convert();
    train();
    checked_ = peer("check");
  }
  static void TearDownTestSuite() { dir_.reset(); }
  void SetUp() override {
    if (!missing_.empty()) GTEST_SKIP() << missing_;
    ASSERT_EQ(made_.status, 0) << made_.output;
  }

  static test::CommandResult peer(const std::string& command) {
    return test::run_command("/usr/bin/python3 '" + (fs::path(GHOST_SOURCE_DIR) / "tests/exchange/peer.py").string() +
                             "' " + command + " '" + dir_->str() + "' '" + (test::shared_dir() / "peer").string() +
                             "'");
  }
  // Every network through the program, back to what PyTorch reads.
  static void convert() {
    for (const auto& [name, config] : configs()) {
      dir_->write(name + ".yaml", std::string_view(config));
      said_[name] = test::run_program("ghost-convert",
                                      {"--weights", name + ".safetensors", "--config", name + ".yaml", "-o",
                                       name + ".back.safetensors", "--to", "pytorch"},
                                      {.directory = dir_->str()});
    }
  }
  // A network that was trained here, with its logits for images of an odd size.
  static void train() {
    test::write_tiny_task(*dir_, {.train = 64, .test = 16, .size = 16});
    said_["train"] = test::run_program(
        "ghost-train",
        {"--config", "tiny.yaml", "--set", "model.name=mini_group_net", "--set", "train.epochs=1", "--run", "run"},
        {.directory = dir_->str()});
    said_["trained"] = test::run_program("ghost-convert", {"--checkpoint", "run", "-o", "trained.safetensors"},
                                         {.directory = dir_->str()});
    if (said_["trained"].status != 0) return;
    const Network network = load_network({.checkpoint = (*dir_ / "run").string()});
    const Tensor x = test::random_tensor({2, 1, 19, 23}, 1);
    write_safetensors(*dir_ / "trained.results.safetensors",
                      {{"x", x}, {"logits", logits_of(*network.model, x).clone()}});
  }
  // The JSON is the last line: a PyTorch may warn before.
  static nlohmann::json report() {
    EXPECT_EQ(checked_.status, 0) << checked_.output;
    const size_t begin = checked_.output.rfind("{\"ghostnet\"");
    return begin == std::string::npos ? nlohmann::json::object() : nlohmann::json::parse(checked_.output.substr(begin));
  }

  static inline std::unique_ptr<TempDir> dir_;
  static inline std::string missing_;
  static inline test::CommandResult made_, checked_;
  static inline std::map<std::string, Finished> said_;
};

TEST_F(WithPyTorch, ItsWeightsGiveItsLogitsHere) {
  for (const auto& [name, text] : configs()) {
    const Network network = load_network(
        {.weights = (*dir_ / (name + ".safetensors")).string(), .config = (*dir_ / (name + ".yaml")).string()});
    const SafetensorsFile results = read_safetensors(*dir_ / (name + ".results.safetensors"));
    for (const std::string i : {"0", "1"}) {
      const Tensor *x = results.find("x" + i), *logits = results.find("logits" + i);
      ASSERT_TRUE(x && logits);
      const double difference = relative_difference(logits_of(*network.model, *x), *logits);
      EXPECT_LT(difference, 1e-4) << name << " " << x->shape().str();
      RecordProperty(name + "_" + i, fmt::format("{:.1e}", difference));
    }
    EXPECT_TRUE(network.warnings.empty());
  }
}

TEST_F(WithPyTorch, WhatIsWrittenBackLoadsStrictlyThereWithTheSameLogits) {
  const nlohmann::json all = report();
  for (const auto& [name, config] : configs()) {
    ASSERT_EQ(said_[name].status, 0) << said_[name].err;
    ASSERT_TRUE(all.contains(name));
    const nlohmann::json& one = all.at(name);
    EXPECT_LT(one.at("difference").get<double>(), 1e-4) << name;
    EXPECT_TRUE(one.at("same_order").get<bool>()) << name;
    EXPECT_EQ(one.at("format"), "pt");
    EXPECT_EQ(one.at("counter"), "tensor(1234)") << "num_batches_tracked is one int64";
  }
  EXPECT_EQ(all.at("ghostnet").at("entries"), 512);
}

TEST_F(WithPyTorch, ANetworkTrainedHereGivesTheSameLogitsThere) {
  ASSERT_EQ(said_["train"].status, 0) << said_["train"].err;
  ASSERT_EQ(said_["trained"].status, 0) << said_["trained"].err;
  EXPECT_LT(report().at("trained").at("difference").get<double>(), 1e-4);
}

TEST_F(WithPyTorch, WrappersAndProfilersLeaveNoTrace) {
  EXPECT_THAT(
      said_["mini_group_net"].out,
      AllOf(HasSubstr("passed over 2 entries of a profiler:\n    module.total_ops\n    module.stem.0.total_params"),
            HasSubstr("took 'module.' off the names"), HasSubstr("loaded 56 entries into MiniGroupNet")));
}

TEST_F(WithPyTorch, AFileOfTorchSaveIsRecognised) {
  const Finished run = test::run_program(
      "ghost-convert",
      {"--weights", "mini_group_net.pth", "--config", "mini_group_net.yaml", "-o", "never.safetensors"},
      {.directory = dir_->str()});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("tools/pth-to-safetensors mini_group_net.pth mini_group_net.safetensors"));
  EXPECT_FALSE(fs::exists(*dir_ / "never.safetensors"));
}

TEST(StateDictOrder, IsTheOfficialOneForGhostNet) {
  const fs::path names = test::shared_dir() / "reference/models/ghostnet_timm_names.json";
  if (!fs::exists(names)) GTEST_SKIP() << "there are no reference files";
  const auto official = nlohmann::ordered_json::parse(test::file_text(names)).at("map");
  Words expected;
  for (const auto& [name, timm] : official.items()) expected.push_back(name);
  ASSERT_EQ(expected.size(), 512U);

  const TempDir dir;
  Network network;
  network.config.model = {.name = "ghostnet", .num_classes = 1000};
  network.model = build_model(network.config.model, 0);
  export_weights(dir / "g.safetensors", network);
  Words written;
  for (const NamedTensor& t : read_safetensors(dir / "g.safetensors").tensors) written.push_back(t.name);
  EXPECT_EQ(written, expected);
}

// A run on tiny pictures in a folder in which the programs run.
class Programs : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = std::make_unique<TempDir>();
    test::write_tiny_task(*dir_);
    ASSERT_EQ(run("ghost-train", {"--config", "tiny.yaml", "--run", "run"}).status, 0);
    ASSERT_EQ(run("ghost-convert", {"--checkpoint", "run", "-o", "w.safetensors"}).status, 0);
  }
  static void TearDownTestSuite() { dir_.reset(); }
  static Finished run(const std::string& program, const Words& arguments) {
    return test::run_program(program, arguments, {.directory = dir_->str()});
  }
  static nlohmann::json eval(Words arguments) {
    arguments.push_back("--json");
    const Finished test = run("ghost-eval", arguments);
    EXPECT_EQ(test.status, 0) << test.err;
    return test.status == 0 ? nlohmann::json::parse(test.out) : nlohmann::json();
  }
  static fs::path in(const std::string& name) { return *dir_ / name; }

  static inline std::unique_ptr<TempDir> dir_;
};

TEST_F(Programs, ExportedWeightsAreTheModelAloneAndSayWhatTheyAre) {
  const SafetensorsFile exported = read_safetensors(in("w.safetensors"));
  const std::vector<TensorSection> sections = tensor_sections();
  for (const NamedTensor& t : exported.tensors) EXPECT_EQ(section_of(sections, t.name).name, kModelSection) << t.name;
  const Checkpoint best = read_checkpoint(in("run/checkpoints/best.safetensors"));
  const std::vector<NamedTensor>& model = best.tensors.at(kModelSection);
  ASSERT_EQ(exported.tensors.size(), model.size());
  for (size_t i = 0; i < model.size(); ++i) {
    EXPECT_EQ(exported.tensors[i].name, model[i].name);
    EXPECT_EQ(exported.tensors[i].tensor.to_vector<double>(), model[i].tensor.to_vector<double>());
  }
  EXPECT_EQ(exported.metadata.at("format"), "pt");
  EXPECT_THAT(exported.metadata.at("config"), AllOf(HasSubstr("plain_cnn"), HasSubstr("root: \"\"")));
  const NetworkMetadata facts = read_network_metadata("w", exported.metadata);
  EXPECT_EQ(facts.classes, best.classes);
  EXPECT_EQ(facts.preprocessing, best.preprocessing);
}

TEST_F(Programs, WeightsTestAsTheirCheckpoint) {
  const auto expected = eval({"--checkpoint", "run"});
  ASSERT_TRUE(expected.contains("loss"));
  EXPECT_GT(expected.at("top1").get<double>(), 30) << "a network that has learned nothing shows nothing";
  for (const Words& arguments : {Words{"--weights", "w.safetensors", "--set", "data.root=data"},
                                 Words{"--weights", "w.safetensors", "--config", "tiny.yaml"},
                                 Words{"--weights", "run", "--config", "tiny.yaml"}}) {
    const auto json = eval(arguments);
    EXPECT_EQ(json.at("loss"), expected.at("loss"));
    EXPECT_EQ(json.at("top1"), expected.at("top1"));
  }
  // As a checkpoint again.
  ASSERT_EQ(run("ghost-convert", {"--weights", "w.safetensors", "--to", "ghost", "-o", "c.safetensors"}).status, 0);
  EXPECT_EQ(eval({"--checkpoint", "c.safetensors", "--set", "data.root=data"}).at("loss"), expected.at("loss"));
}

TEST_F(Programs, MirrorImagesAreAveragedAsLogits) {
  const Network network =
      load_network({.checkpoint = in("run").string(), .overrides = {"data.root=" + in("data").string()}});
  const DataSplits data = open_data(network.config.data, 0);
  Loader loader(data.test, data, {}, {.batch_size = 40}, {});
  loader.start(0);
  const Batch batch = *loader.next();
  const Shape s = batch.images.shape();
  const std::vector<float> x = batch.images.to_vector<float>();
  std::vector<float> y(x.size());
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t h = 0; h < s[1]; ++h)
      for (int64_t w = 0; w < s[2]; ++w)
        y[static_cast<size_t>((n * s[1] + h) * s[2] + w)] =
            x[static_cast<size_t>((n * s[1] + h) * s[2] + s[2] - 1 - w)];
  const NoGrad constant;
  network.model->eval();
  const Tensor both = (*network.model)(batch.images) + (*network.model)(Tensor::from(y, s));
  const std::vector<double> z = both.to_vector<double>();
  const std::vector<int64_t> labels = batch.labels.to_vector<int64_t>();
  const auto classes = static_cast<size_t>(both.size(1));
  double loss = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    double sum = 0;
    for (size_t k = 0; k < classes; ++k) sum += std::exp(z[i * classes + k] / 2);
    loss += std::log(sum) - z[i * classes + static_cast<size_t>(labels[i])] / 2;
  }
  const auto plain = eval({"--checkpoint", "run"}), flipped = eval({"--checkpoint", "run", "--flip"});
  EXPECT_NEAR(flipped.at("loss").get<double>(), loss / static_cast<double>(labels.size()), 1e-5);
  EXPECT_NE(flipped.at("loss"), plain.at("loss"));
  EXPECT_EQ(flipped.at("count"), plain.at("count"));
}

TEST_F(Programs, ClassesOfOtherDataAreFoundByName) {
  // The network knows 0, 1, 2, 3; these pictures are of 3 and 1, and not of the size or colour it was trained with.
  for (const char* name : {"3/a.png", "3/b.png", "1/c.png", "1/d.png", "1/e.png"})
    dir_->write(fs::path("photos") / name, test::png_bytes(test::patterned_image(11, 13, 3)));
  const auto json = eval({"--checkpoint", "run", "--set", "data.name=image_folder", "--set", "data.root=photos",
                          "--split", "all", "--per-class"});
  ASSERT_TRUE(json.contains("per_class"));
  std::map<std::string, int64_t> counts;
  for (const auto& c : json.at("per_class")) counts[c.at("class")] = c.at("count");
  EXPECT_EQ(counts, (std::map<std::string, int64_t>{{"0", 0}, {"1", 3}, {"2", 0}, {"3", 2}}));
  EXPECT_EQ(json.at("count"), 5);

  dir_->write("others/3/a.png", test::png_bytes(test::patterned_image(8, 8, 1)));
  dir_->write("others/3/b.png", test::png_bytes(test::patterned_image(8, 8, 1)));
  dir_->write("others/cat/a.png", test::png_bytes(test::patterned_image(8, 8, 1)));
  dir_->write("others/cat/b.png", test::png_bytes(test::patterned_image(8, 8, 1)));
  const Finished other =
      run("ghost-eval", {"--checkpoint", "run", "--set", "data.name=image_folder", "--set", "data.root=others"});
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err,
              AllOf(HasSubstr("knows 4 classes ('0', …), but not 1 of the 2 classes of image_folder: 'cat'")));
}

TEST_F(Programs, TheModelIsTheCheckpointsWhateverTheData) {
  // The configuration names the number of classes; another data set takes that out of use, but not out of the network.
  ASSERT_EQ(run("ghost-train",
                {"--config", "tiny.yaml", "--run", "wide", "--set", "model.num_classes=7", "--set", "train.epochs=1"})
                .status,
            0);
  dir_->write("same/0/a.png", test::png_bytes(test::patterned_image(8, 8, 1)));
  dir_->write("same/0/b.png", test::png_bytes(test::patterned_image(8, 8, 1)));
  const auto json = eval({"--checkpoint", "wide", "--set", "data.name=image_folder", "--set", "data.root=same",
                          "--split", "all", "--per-class"});
  EXPECT_EQ(json.at("per_class").size(), 7U);
  EXPECT_EQ(json.at("per_class").at(6).at("class"), "class 6");
  const Finished refused = run("ghost-eval", {"--checkpoint", "run", "--set", "model.channels=[6,7]"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--set model.channels=[6,7]: the model is the checkpoint's"));
}

TEST_F(Programs, ConvertLosesNothing) {
  const std::vector<uint8_t> before = test::file_bytes(in("w.safetensors"));
  const Finished again = run("ghost-convert", {"--checkpoint", "run", "-o", "w.safetensors"});
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("-o w.safetensors: there is such a file already; --force replaces it"));
  EXPECT_EQ(test::file_bytes(in("w.safetensors")), before);
  EXPECT_EQ(run("ghost-convert", {"--checkpoint", "run", "-o", "w.safetensors", "--force"}).status, 0);
  EXPECT_EQ(test::file_bytes(in("w.safetensors")), before);
  EXPECT_EQ(run("ghost-convert", {"--checkpoint", "run", "-o", "nowhere/w.safetensors"}).status, 2);
}

TEST_F(Programs, ConvertTellsWhatItLacks) {
  const auto refused = [&](const Words& arguments, int status, const testing::Matcher<std::string>& says) {
    Words all{"-o", "refused.safetensors"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Finished end = run("ghost-convert", all);
    EXPECT_EQ(end.status, status) << end.err;
    EXPECT_THAT(end.err, AllOf(StartsWith("ghost-convert: "), says));
    EXPECT_FALSE(fs::exists(in("refused.safetensors")));
  };
  Network bare;
  bare.model = build_model({.name = "mini_group_net", .num_classes = 6}, 0);
  write_safetensors(in("bare.safetensors"), state_dict(*bare.model));
  dir_->write("bare.yaml",
              std::string_view("model: {name: mini_group_net}\ndata: {name: image_folder, image_size: 32}\n"));
  dir_->write("three.txt", std::string_view("a\nb\nc\n"));
  dir_->write("six.txt", std::string_view("a\r\nb\r\nc\r\nd\r\ne\r\nf\r\n"));
  refused({}, 2, HasSubstr("needs --checkpoint FILE or --weights FILE"));
  refused({"--weights", "bare.safetensors"}, 2, HasSubstr("does not say what network it is of"));
  refused({"--weights", "nowhere.safetensors", "--config", "bare.yaml"}, 1, HasSubstr("there is no such file"));
  refused({"--weights", "bare.yaml", "--config", "bare.yaml"}, 1, HasSubstr("not a safetensors file"));
  refused({"--weights", "bare.safetensors", "--config", "tiny.yaml"}, 1,
          AllOf(HasSubstr("do not fit PlainCnn"), HasSubstr("unexpected"), HasSubstr("--no-strict loads what fits")));
  refused({"--weights", "bare.safetensors", "--config", "bare.yaml", "--to", "ghost"}, 1,
          HasSubstr("--classes FILE names them, one a line"));
  refused({"--weights", "bare.safetensors", "--config", "bare.yaml", "--to", "ghost", "--classes", "three.txt"}, 1,
          HasSubstr("has 6 outputs, but three.txt names 3 classes ('a', …)"));
  const Finished made = run("ghost-convert", {"--weights", "bare.safetensors", "--config", "bare.yaml", "--to", "ghost",
                                              "--classes", "six.txt", "-o", "six.safetensors"});
  ASSERT_EQ(made.status, 0) << made.err;
  const Checkpoint checkpoint = read_checkpoint(in("six.safetensors"));
  EXPECT_THAT(checkpoint.classes, ElementsAre("a", "b", "c", "d", "e", "f"));
  EXPECT_EQ(checkpoint.preprocessing, (Preprocessing{32, 37, 3, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}));
}

}  // namespace
}  // namespace ghost
