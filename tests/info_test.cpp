// ghost-info as a user meets it, and the numbers of the papers as it prints them.
#include <fmt/core.h>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "core/safetensors.h"
#include "nn/models/registry.h"
#include "nn/state_dict.h"
#include "support/process.h"
#include "support/tiny_images.h"
#include "train/loop/model_info.h"

namespace ghost {
namespace {

using nlohmann::json;
using test::Finished;
using test::TempDir;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

Finished info(const Words& arguments, const std::string& directory = "") {
  return test::run_program("ghost-info", arguments, {.directory = directory});
}

json info_json(Words arguments, const std::string& directory = "") {
  arguments.push_back("--json");
  const Finished done = info(arguments, directory);
  EXPECT_EQ(done.status, 0) << done.err;
  return done.status == 0 ? json::parse(done.out) : json();
}

std::string preset(const std::string& name) { return std::string(GHOST_SOURCE_DIR) + "/configs/" + name + ".yaml"; }

struct Golden {
  const char* preset;
  Words overrides;
  const char* parameters;  // exact, or in millions with as many digits as were published
  const char* macs;        // in millions; empty: not published
};

// "5,182,508" as it is, "7.650" in millions to three digits.
std::string as_written(const std::string& written, int64_t value) {
  const size_t point = written.find('.');
  if (point == std::string::npos) return std::to_string(value);
  return fmt::format("{:.{}f}", static_cast<double>(value) / 1e6, written.size() - point - 1);
}

void expect_golden(const std::vector<Golden>& all) {
  for (const Golden& golden : all) {
    Words arguments{"--config", preset(golden.preset), "--no-memory"};
    std::string name = golden.preset;
    for (const std::string& set : golden.overrides) {
      arguments.push_back("--set"), arguments.push_back(set);
      name += " " + set;
    }
    const json got = info_json(arguments);
    if (!got.is_object()) continue;
    EXPECT_EQ(as_written(golden.parameters, got["parameters"]), golden.parameters) << name;
    EXPECT_EQ(got["parameters"], got["trainable_parameters"]) << name;
    if (*golden.macs) {
      EXPECT_EQ(as_written(golden.macs, got["macs"]), golden.macs) << name;
    }
  }
}

// Bytes that the largest process started from here held in memory at once.
int64_t largest_child() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

TEST(GhostInfo, MiniGroupNet) {
  expect_golden({{"mini_group_net_cifar10", {"model.groups=8"}, "132170", ""},
                 {"mini_group_net_cifar10", {"model.groups=4"}, "155210", ""},
                 {"mini_group_net_cifar10", {"model.groups=1"}, "293450", ""}});
}

// GhostNet, arXiv 1911.11907, table 7, and its published code.
TEST(GhostInfo, GhostNet) {
  expect_golden({{"ghostnet_imagenet", {}, "5182508", "141.15"},
                 {"ghostnet_imagenet", {"model.width=0.5"}, "2587292", "42.3"},
                 {"ghostnet_imagenet", {"model.width=1.3"}, "7358820", "227.0"},
                 {"ghostnet_imagenet", {"model.num_classes=10"}, "3914318", ""},
                 {"ghostnet_imagenet", {"model.variant=d_li14"}, "5180840", "140.76"},
                 {"ghostnet_cifar10", {}, "3914318", "13.94"}});
}

// Tables 3 and 4.
TEST(GhostInfo, GhostVgg16) {
  const std::string ghost = "model.conv.name=ghost";
  expect_golden({{"vgg16_cifar10", {}, "14.99", "313.5"},
                 {"vgg16_cifar10", {ghost}, "7.650", "158.1"},
                 {"vgg16_cifar10", {ghost, "model.conv.ratio=3"}, "5.218", "107.2"},
                 {"vgg16_cifar10", {ghost, "model.conv.ratio=4"}, "3.982", "80.4"},
                 {"vgg16_cifar10", {ghost, "model.conv.ratio=5"}, "3.270", "65.7"},
                 {"vgg16_cifar10", {ghost, "model.conv.cheap_kernel=1"}, "7.634", "157.0"},
                 {"vgg16_cifar10", {ghost, "model.conv.cheap_kernel=5"}, "7.684", "160.3"},
                 {"vgg16_cifar10", {ghost, "model.conv.cheap_kernel=7"}, "7.735", "163.6"},
                 {"ghost_vgg16_cifar10", {}, "7.650", "158.1"}});
}

TEST(GhostInfo, GhostResNet56) {
  expect_golden({{"resnet56_cifar10", {}, "853018", "125.5"}, {"ghost_resnet56_cifar10", {}, "438010", "65.1"}});
  const json ghost = info_json({"--config", preset("ghost_resnet56_cifar10"), "--no-memory"});
  EXPECT_EQ(ghost.value("parameters", 0) - ghost.value("norm_parameters", 0), 433946);
}

TEST(GhostInfo, EveryPresetNeedsNoData) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(GHOST_SOURCE_DIR) + "/configs")) {
    if (entry.path().extension() != ".yaml" || entry.path().parent_path().filename() == "recipes") continue;
    const Config config = load_config(entry.path().string(), {}).config;
    const ModelInfo info = model_info(config, {.memory = false});
    EXPECT_GT(info.cost.model().parameters.all, 0) << entry.path();
    EXPECT_THAT(info.warnings, Not(Contains(HasSubstr("1×1 pixels")))) << entry.path();
  }
}

TEST(GhostInfo, ListsLayersWithTheirShares) {
  const json model = info_json({"--config", preset("ghostnet"), "--batch", "32"});
  ASSERT_TRUE(model.is_object());
  EXPECT_EQ(model["model"], "ghostnet");
  EXPECT_EQ(model["input"], json({1, 32, 32}));
  EXPECT_EQ(model["batch"], 32);
  EXPECT_GT(model["activation_bytes"], model["activation_bytes_inference"]);
  EXPECT_GT(model["peak_memory_bytes"], model["activation_bytes"]);
  int64_t activations = 0, macs = 0;
  for (const json& layer : model["layers"])
    if (layer["depth"] == 1)
      activations += layer["activation_bytes"].get<int64_t>(), macs += layer["macs"].get<int64_t>();
  EXPECT_EQ(macs, model["macs"]);
  EXPECT_EQ(activations, model["activation_bytes"]) << "every tensor is taken in one of the model's parts";
  const json& stem = model["layers"][1];
  EXPECT_EQ(stem["name"], "conv_stem");
  EXPECT_EQ(stem["kind"], "Conv2d");
  EXPECT_EQ(stem["output_shape"], json({8, 32, 32}));
  EXPECT_EQ(stem["macs"], 72 * 1024);
  EXPECT_EQ(stem["activation_bytes"], 32 * 8 * 1024 * 4);
}

TEST(GhostInfo, TheTableFoldsAtADepth) {
  const auto table = [](const char* depth) {
    const Finished done = info({"--config", preset("ghostnet"), "--no-memory", "--depth", depth});
    EXPECT_EQ(done.status, 0) << done.err;
    return done.out;
  };
  EXPECT_THAT(table("1"), AllOf(HasSubstr("conv_stem"), Not(HasSubstr("GhostBottleneck"))));
  EXPECT_THAT(table("3"), AllOf(HasSubstr("GhostBottleneck"), Not(HasSubstr("GhostModule"))));
  EXPECT_THAT(table("4"), HasSubstr("GhostModule"));
  EXPECT_THAT(table("1"), AllOf(HasSubstr("1,318,958 parameters"), HasSubstr("4.125 M MACs")));
}

TEST(GhostInfo, ReportsDeadChannels) {
  const json model = info_json({"--config", preset("vgg16_cifar10"), "--no-memory", "--set", "model.conv.name=ghost",
                                "--set", "model.conv.ratio=3"});
  // Of 64 = 3·22 − 2, 128 = 3·43 − 1, 256 = 3·86 − 2 and 512 = 3·171 − 1 channels, in 2, 2, 3 and 6 convolutions.
  EXPECT_EQ(model.value("dead_channels", 0), 2 * 2 + 2 * 1 + 3 * 2 + 6 * 1);
  EXPECT_EQ(model.value("dead_parameters", 0), (2 * 2 + 2 * 1 + 3 * 2 + 6 * 1) * (9 + 2));
}

TEST(GhostInfo, ComparesTwoModels) {
  const Words two{"--compare", preset("resnet56_cifar10"), preset("ghost_resnet56_cifar10"), "--no-memory"};
  const json both = info_json(two);
  ASSERT_TRUE(both.is_object());
  EXPECT_EQ(both["a"]["parameters"], 853018);
  EXPECT_EQ(both["b"]["parameters"], 438010);
  EXPECT_NEAR(both["ratios"]["parameters"], 853018.0 / 438010, 1e-12);
  const double convolutions = 853018 - 4064 - 650, ghosts = 438010 - 4064 - 650;
  EXPECT_NEAR(both["ratios"]["convolution_parameters"], convolutions / ghosts, 1e-12);
  EXPECT_NEAR(both["ratios"]["convolution_and_norm_parameters"], (convolutions + 4064) / (ghosts + 4064), 1e-12);
  const Finished text = info(two);
  EXPECT_THAT(text.out, AllOf(HasSubstr("853,018"), HasSubstr("438,010"), HasSubstr("1.947x"), HasSubstr("layer3")));
}

TEST(GhostInfo, WarnsOfWhatWillTrainBadly) {
  const auto warnings = [](const Words& overrides) {
    Words arguments{"--config", preset("ghostnet_cifar10"), "--no-memory"};
    for (const std::string& set : overrides) arguments.push_back("--set"), arguments.push_back(set);
    return info_json(arguments)["warnings"].get<Words>();
  };
  EXPECT_THAT(warnings({}), ElementsAre(HasSubstr("no multiple of")));
  EXPECT_THAT(warnings({"model.stem_stride=2"}), Contains(AllOf(HasSubstr("1×1 pixels"), HasSubstr("stem_stride"))));
  EXPECT_THAT(warnings({"model.stem_stride=2", "data.limit_train=129"}),
              Contains(AllOf(HasSubstr("would be refused"), HasSubstr("one image"))));
  EXPECT_THAT(warnings({"data.limit_train=129"}), Contains(HasSubstr("batch statistics are poor")));
}

TEST(GhostInfo, SaysWhatIsMissingOrWrong) {
  const auto expect = [](const Words& arguments, int status, const std::string& message) {
    const Finished done = info(arguments);
    EXPECT_EQ(done.status, status) << done.err;
    EXPECT_THAT(done.err, HasSubstr(message));
    EXPECT_THAT(done.out, IsEmpty());
  };
  expect({"--json"}, 2, "needs --config FILE");
  expect({"--config", preset("ghostnet"), "--checkpoint", "x"}, 2, "takes one of");
  expect({"--config", preset("ghostnet"), "--input", "3x"}, 2, "must be CxHxW");
  expect({"--config", preset("ghostnet"), "--set", "data.name=image_folder"}, 2, "--set model.num_classes=10");
  expect({"--config", preset("ghostnet"), "--set", "data.name=idx", "--set", "model.num_classes=10"}, 2,
         "--set data.channels=1");
  expect({"--config", preset("vgg16_cifar10"), "--input", "8", "--no-memory"}, 1, "features");
  expect({"--config", preset("ghostnet"), "--set", "model.in_channels=3", "--input", "1x32x32"}, 2,
         "--input has 1 channels, but model.in_channels is 3");
  expect({"--checkpoint", "no-such-file"}, 1, "there is no such file");
  expect({"--depht", "3"}, 2, "--depth");
}

TEST(GhostInfo, TheInputCanBeChosen) {
  const json model =
      info_json({"--config", preset("ghostnet_imagenet"), "--no-memory", "--input", "3x192x160", "--depth", "1"});
  EXPECT_EQ(model["input"], json({3, 192, 160}));
  EXPECT_EQ(model["layers"][1]["output_shape"], json({16, 96, 80}));
}

TEST(GhostInfo, ReadsCheckpointsAndWeights) {
  const TempDir dir;
  test::write_tiny_task(dir);
  const Finished trained = test::run_program(
      "ghost-train", {"--config", "tiny.yaml", "--run", "run", "--set", "train.epochs=1"}, {.directory = dir.str()});
  ASSERT_EQ(trained.status, 0) << trained.err;
  const json of_run = info_json({"--checkpoint", "run"}, dir.str());
  ASSERT_TRUE(of_run.is_object());
  EXPECT_EQ(of_run["input"], json({1, 8, 8}));
  EXPECT_EQ(of_run["num_classes"], 4);
  EXPECT_THAT(info({"--checkpoint", "run"}, dir.str()).out, HasSubstr("trained for 1 epochs"));

  const ModulePtr model = build_model({.name = "mini_group_net", .groups = 8}, 0);
  write_safetensors(dir / "weights.safetensors", state_dict(*model));
  const json alone = info_json({"--weights", "weights.safetensors"}, dir.str());
  EXPECT_EQ(alone["parameters"], 132170);
  EXPECT_THAT(alone["entries"],
              Contains(json{{"name", "fc.weight"}, {"shape", {10, 256}}, {"dtype", "f32"}, {"numbers", 2560}}));
  const Words with_config{"--weights", "weights.safetensors", "--config", preset("mini_group_net_cifar10"),
                          "--no-memory"};
  EXPECT_EQ(info_json(with_config, dir.str())["parameters"], 132170);
  Words other = with_config;
  other.insert(other.end(), {"--set", "model.groups=4"});
  const Finished refused = info(other, dir.str());
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("group_conv.0.weight"));
}

// The estimate against a training process of its own.
TEST(GhostInfo, EstimatesThePeakOfTraining) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take memory of their own";
#endif
  const TempDir dir;
  test::write_tiny_idx(dir / "data", {.train = 384, .test = 256, .size = 32});
  const Words options{"--config", preset("ghostnet"),    "--set", "data.name=idx",      "--set", "data.root=data",
                      "--set",    "model.num_classes=4", "--set", "data.image_size=32", "--set", "data.channels=1",
                      "--set",    "train.epochs=1"};
  Words run = options;
  run.insert(run.end(), {"--run", "run"});
  const Finished trained = test::run_program("ghost-train", run, {.directory = dir.str()});
  ASSERT_EQ(trained.status, 0) << trained.err;
  json last;
  std::ifstream metrics(dir / "run/metrics.jsonl");
  for (std::string line; std::getline(metrics, line);) last = json::parse(line);
  const auto peak = last.at("peak_resident").get<double>();
  const auto estimate = info_json(options, dir.str()).at("peak_memory_bytes").get<double>();
  EXPECT_NEAR(estimate / peak, 1, 0.2);
}

TEST(InfoProgram, CountsLayersOfAnySizeWithoutTheirValues) {
  // Its weights alone would be 14 GB, and one image 4 million million multiply-accumulates.
  const int64_t before = largest_child();
  const Finished layer = test::run_program("ghost-info", {"--layer", "GhostConv(32,3382,256,padding=128)", "--json"});
  if (layer.status == 1 && layer.err.find("memory") != std::string::npos) {
    // Not even addresses for so much: a sentence.
    EXPECT_THAT(layer.err, HasSubstr("MiB"));
  } else {
    ASSERT_EQ(layer.status, 0) << layer.err;
    EXPECT_EQ(json::parse(layer.out).at("convolution_parameters"), int64_t{1691} * 32 * 256 * 256 + 1691 * 9);
  }
  EXPECT_LT(largest_child(), std::max(before + 1, int64_t{1} << 30));
}

TEST(InfoProgram, CountsSingleLayersAndComparesThem) {
  const Finished layer = test::run_program("ghost-info", {"--layer", "GhostConv(32, 64)", "--input", "8", "--json"});
  ASSERT_EQ(layer.status, 0) << layer.err;
  EXPECT_EQ(json::parse(layer.out).at("parameters"), 1440);
  EXPECT_EQ(json::parse(layer.out).at("macs"), 64 * (32 * 32 + 9 * 32));
  const Finished both = test::run_program("ghost-info", {"--compare", "ConvBn(32, 64)", "GhostConv(32, 64)", "--json"});
  ASSERT_EQ(both.status, 0) << both.err;
  const json ratios = json::parse(both.out).at("ratios");
  EXPECT_NEAR(ratios.at("convolution_parameters").get<double>(), 1.561, 5e-4);
  EXPECT_NEAR(ratios.at("parameters").get<double>(), 1.511, 5e-4);
  const Finished wrong = test::run_program("ghost-info", {"--layer", "GhostConv(32, 65)"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("nearest valid: out=64 or 66"));
  const Finished overrides =
      test::run_program("ghost-info", {"--layer", "GhostConv(32, 64)", "--set", "train.epochs=1"});
  EXPECT_EQ(overrides.status, 2);
}

}  // namespace
}  // namespace ghost
