// What networks cost: the numbers of the papers, to the parameter, as ghost-info prints them.
#include <fmt/core.h>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "core/safetensors.h"
#include "nn/layers/depthwise_separable.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"
#include "nn/layers/grouped_bottleneck.h"
#include "nn/memory_profile.h"
#include "nn/models/registry.h"
#include "nn/profile.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/process.h"
#include "support/programs.h"
#include "support/tiny_images.h"
#include "train/model_info.h"

namespace ghost {
namespace {

using nlohmann::json;
using test::error_of;
using test::Finished;
using test::random_tensor;
using test::TempDir;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

// ---- layers

LayerProfile cost(Module& module, const Shape& x) {
  module.initialise(0);
  return profile(module, Tensor::zeros(x)).model();
}
template <class Layer>
LayerProfile cost(const typename Layer::Options& options, const Shape& x) {
  Layer layer(options);
  return cost(layer, x);
}

TEST(Profile, GhostConvHasTheParametersOfTheTextbook) {
  const Shape x{1, 8, 8, 32};
  const LayerProfile layer = cost<GhostConv>({.in = 32, .out = 64}, x);
  EXPECT_EQ(layer.parameters.all, 1440);
  EXPECT_EQ(layer.parameters.norm, 2 * 64);
  EXPECT_EQ(layer.macs, 64 * (32 * 32 + 9 * 32));
  EXPECT_EQ(layer.output, (Shape{1, 8, 8, 64}));
  EXPECT_EQ(cost<GhostConv>({.in = 32, .out = 64, .ratio = 1}, x).parameters.all, 2176);
  EXPECT_EQ(cost<GhostConv>({.in = 32, .out = 63, .ratio = 3}, x).parameters.all, 1176);
  EXPECT_EQ(cost<GhostConv>({.in = 32, .out = 64, .ratio = 4}, x).parameters.all, 1072);
}

// A ghost layer has batch norms, a bare convolution has none: 2048/1440 compares unlike things.
TEST(Profile, ComparesGhostWithConvolutionFairly) {
  const Shape x{1, 8, 8, 32};
  const ParameterCount bare = cost<Conv2d>({.in = 32, .out = 64, .bias = false}, x).parameters;
  ConvBn conv_bn({.in = 32, .out = 64});
  const ParameterCount standard = cost(conv_bn, x).parameters;
  const ParameterCount ghost = cost<GhostConv>({.in = 32, .out = 64}, x).parameters;
  EXPECT_EQ(bare.all, 2048);
  EXPECT_EQ(standard.convolution(), 2048);
  EXPECT_EQ(ghost.convolution(), 1312);
  const auto ratio = [](int64_t a, int64_t b) {
    return fmt::format("{:.3f}", static_cast<double>(a) / static_cast<double>(b));
  };
  EXPECT_EQ(ratio(standard.convolution(), ghost.convolution()), "1.561");
  EXPECT_EQ(ratio(standard.all, ghost.all), "1.511");
}

TEST(Profile, GhostModulesOwnWhatIsCutOff) {
  const Shape x{1, 8, 8, 32};
  const auto expect = [&](int64_t out, int64_t ratio, int64_t parameters, int64_t dead) {
    const LayerProfile layer = cost<GhostModule>({.in = 32, .out = out, .ratio = ratio}, x);
    EXPECT_EQ(layer.parameters.all, parameters) << out << " at ratio " << ratio;
    EXPECT_EQ(layer.dead_channels, dead) << out << " at ratio " << ratio;
    EXPECT_EQ(layer.dead_parameters, dead * (9 + 2)) << out << " at ratio " << ratio;
    EXPECT_EQ(layer.output.channels(), out);
  };
  expect(65, 2, 1485, 1);
  expect(64, 3, 1232, 2);
  expect(7, 4, 134, 1);
  expect(64, 2, 1440, 0);
}

TEST(Profile, DeadParametersAreThoseWithoutGradient) {
  GhostModule ghost({.in = 8, .out = 10, .ratio = 4, .cheap_kernel = 5, .relu = false});
  ghost.initialise(1);
  const Tensor y = ghost(random_tensor({2, 6, 6, 8}, 1));
  y.backward(random_tensor(y.shape(), 2));
  int64_t zero = 0;
  for (const Parameter& p : ghost.parameters())
    for (const double g : p.tensor.grad().to_vector<double>()) zero += g == 0;
  const LayerProfile layer = profile(ghost, random_tensor({1, 6, 6, 8}, 1)).model();
  EXPECT_EQ(layer.dead_channels, 2);
  EXPECT_EQ(layer.dead_parameters, zero);
}

TEST(Profile, GroupsDivideTheParameters) {
  int64_t expected = 73728;
  for (const int64_t groups : {1, 2, 4, 8, 16, 32, 64}) {
    const LayerProfile layer =
        cost<Conv2d>({.in = 64, .out = 128, .kernel = 3, .padding = 1, .groups = groups, .bias = false}, {1, 4, 4, 64});
    EXPECT_EQ(layer.parameters.all, expected) << groups;
    EXPECT_EQ(layer.macs, 16 * expected) << groups;
    expected /= 2;
  }
  EXPECT_EQ(cost<DepthwiseSeparableConv>({.in = 32, .out = 64}, {1, 4, 4, 32}).parameters.all, 2464);
  const LayerProfile block = cost<GroupedBottleneck>({.in = 64, .out = 128, .groups = 8, .stride = 2}, {2, 32, 32, 64});
  EXPECT_EQ(block.parameters.all, 25856);
  EXPECT_EQ(block.output, (Shape{2, 16, 16, 128}));
}

TEST(Profile, CountsEveryCallAndLeavesTheModelAsItWas) {
  const ModulePtr model = build_model({.name = "mini_group_net"}, 0);
  model->train();
  const Profile of_one = profile(*model, random_tensor({1, 32, 32, 3}, 1));
  const Profile of_three = profile(*model, random_tensor({3, 32, 32, 3}, 1));
  EXPECT_TRUE(model->training());
  EXPECT_EQ(of_one.model().macs, of_three.model().macs) << "MACs are of one image";
  EXPECT_EQ(of_three.output.shape(), (Shape{3, 10}));
  ASSERT_EQ(of_one.layers.size(), model->modules().size());
  int64_t macs = 0, parameters = 0;
  for (const LayerProfile& layer : of_one.layers)
    if (layer.depth == 1) macs += layer.macs, parameters += layer.parameters.all;
  EXPECT_EQ(macs, of_one.model().macs);
  EXPECT_EQ(parameters, of_one.model().parameters.all);
}

TEST(Profile, FrozenParametersAreNotTrainable) {
  Conv2d conv({.in = 3, .out = 4});
  conv.initialise(0);
  conv.parameters().front().tensor.set_requires_grad(false);
  const ParameterCount count = profile(conv, random_tensor({1, 2, 2, 3}, 1)).model().parameters;
  EXPECT_EQ(count.all, 16);
  EXPECT_EQ(count.trainable, 4);
}

// ---- memory

TEST(MemoryProfile, AConvolutionKeepsItsResult) {
  Conv2d conv({.in = 4, .out = 8, .kernel = 3, .padding = 1});
  conv.initialise(0);
  const MemoryProfile memory = measure_memory(conv, {8, 8, 4});
  EXPECT_EQ(memory.model().training.at(1), 8 * 8 * 8 * 4);
  EXPECT_EQ(memory.model().training.at(100), 100 * 8 * 8 * 8 * 4);
}

TEST(MemoryProfile, NormActivationAndConcatenationTakeNothingMoreWhenTheyAreFused) {
  const auto kept = [](bool fused) {
    GhostModule ghost({.in = 16, .out = 32});
    ghost.initialise(0);
    const bool before = folding();
    set_folding(fused);
    const MemoryProfile memory = measure_memory(ghost, {8, 8, 16});
    set_folding(before);
    return memory.model().training.at(1);
  };
  const int64_t result = 8 * 8 * 32 * 4;
  EXPECT_EQ(kept(true), result);
  EXPECT_GE(kept(false), 2 * result);
}

TEST(MemoryProfile, LeavesBuffersAndModeAsTheyWere) {
  const ModulePtr model = build_model({.name = "mini_group_net"}, 0);
  model->eval();
  std::vector<std::vector<double>> before;
  for (const Buffer& b : model->buffers()) before.push_back(b.tensor.to_vector<double>());
  measure_memory(*model, {16, 16, 3});
  EXPECT_FALSE(model->training());
  size_t i = 0;
  for (const Buffer& b : model->buffers()) EXPECT_EQ(b.tensor.to_vector<double>(), before[i++]) << b.name;
}

TEST(InputSize, IsReadAsChannelsHeightWidth) {
  const auto expect = [](const char* text, int64_t c, int64_t h, int64_t w) {
    const InputSize size = parse_input_size(text);
    EXPECT_EQ(size.channels, c) << text;
    EXPECT_EQ(size.height, h) << text;
    EXPECT_EQ(size.width, w) << text;
  };
  expect("3x224x160", 3, 224, 160);
  expect("224x160", 0, 224, 160);
  expect("224", 0, 224, 224);
  for (const char* wrong : {"", "x", "3x", "3x224x224x1", "0", "-3", "3x0x5", "4097", "3 x 4", "224px", "1e3", "٣"})
    EXPECT_THAT(error_of([&] { parse_input_size(wrong); }), HasSubstr("must be CxHxW")) << wrong;
}

// ---- the program

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
  Words sets;
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
    for (const std::string& set : golden.sets) {
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
    EXPECT_GT(info.profile.model().parameters.all, 0) << entry.path();
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
  const auto warnings = [](const Words& sets) {
    Words arguments{"--config", preset("ghostnet_cifar10"), "--no-memory"};
    for (const std::string& set : sets) arguments.push_back("--set"), arguments.push_back(set);
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
  test::write_tiny_idx(dir / "data");
  dir.write("tiny.yaml", std::string_view(test::tiny_config("data")));
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
  const Finished sets = test::run_program("ghost-info", {"--layer", "GhostConv(32, 64)", "--set", "train.epochs=1"});
  EXPECT_EQ(sets.status, 2);
}

}  // namespace
}  // namespace ghost
