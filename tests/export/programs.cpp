// ghost-convert --to onnx as a user runs it, and its files in ONNX Runtime beside ghost-predict.
#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "export/graphs.h"
#include "nn/layers/cheap_op.h"
#include "nn/models/registry.h"
#include "support/command.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/network/export.h"

namespace ghost {
namespace {

using test::Finished;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

Finished convert(const test::TempDir& dir, const Words& arguments) {
  return test::run_program("ghost-convert", arguments, {.directory = dir.str()});
}

TEST(ConvertToOnnx, OfARunIsCheckedWithItsTestImages) {
  const test::TempDir dir;
  test::write_tiny_task(dir);
  ASSERT_EQ(test::train_tiny(dir, {"--run", "run"}).status, 0);
  const Finished done = convert(dir, {"--checkpoint", "run", "--to", "onnx", "-o", "a.onnx"});
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(done.out, AllOf(HasSubstr("a.onnx: plain_cnn, "), HasSubstr(" 4 classes, as an ONNX graph of "),
                              HasSubstr("checked with 16 test images of idx: logits differ by at most ")));
  const onnx::Graph graph = onnx::from_bytes(test::file_text(dir / "a.onnx"), "a.onnx");
  EXPECT_GT(nlohmann::json::parse(graph.metadata.at("accuracy")).at("top1").get<double>(), 30);
  EXPECT_EQ(nlohmann::json::parse(graph.metadata.at("classes")).size(), 4U);

  // The same bytes again, and from weights.
  ASSERT_EQ(convert(dir, {"--checkpoint", "run", "--to", "onnx", "-o", "b.onnx"}).status, 0);
  EXPECT_EQ(test::file_bytes(dir / "a.onnx"), test::file_bytes(dir / "b.onnx"));
  ASSERT_EQ(convert(dir, {"--checkpoint", "run", "-o", "w.safetensors"}).status, 0);
  const Finished weights = convert(dir, {"--weights", "w.safetensors", "--config", "tiny.yaml", "--to", "onnx",
                                         "--with-preprocessing", "--softmax", "-o", "c.onnx"});
  EXPECT_EQ(weights.status, 0) << weights.err;
  EXPECT_THAT(weights.out, HasSubstr("probabilities differ by at most"));
}

TEST(ConvertToOnnx, RefusesOptionsOfOtherFormsAndFilesThatAreThere) {
  const test::TempDir dir;
  for (const std::string option : {"--with-preprocessing", "--softmax"}) {
    const Finished refused = convert(dir, {"--checkpoint", "run", option, "-o", "a.safetensors"});
    EXPECT_EQ(refused.status, 2);
    EXPECT_THAT(refused.err, HasSubstr(option + " is for --to onnx, but --to pytorch was given"));
  }
  dir.write("there.onnx", std::string_view("mine"));
  EXPECT_EQ(convert(dir, {"--checkpoint", "run", "--to", "onnx", "-o", "there.onnx"}).status, 2);
  EXPECT_EQ(test::file_text(dir / "there.onnx"), "mine");
}

// ---- ONNX Runtime

class InOnnxRuntime : public testing::Test {
 protected:
  void SetUp() override {
    const test::CommandResult found = test::run_command("python3 -c 'import numpy, onnx, onnxruntime'");
    if (found.status != 0) GTEST_SKIP() << "python3 has no onnx and onnxruntime (PyPI): nothing was compared with them";
  }
  static test::CommandResult python(const std::string& script, const Words& arguments) {
    std::string command = "python3 '" + (fs::path(GHOST_SOURCE_DIR) / "tests/export" / script).string() + "'";
    for (const std::string& argument : arguments) command += " '" + argument + "'";
    return test::run_command(command);
  }
};

// Every model, of half width where it has one, and GhostNet with every cheap operation.
std::vector<std::pair<std::string, ModelConfig>> networks() {
  std::vector<std::pair<std::string, ModelConfig>> all;
  for (const ModelEntry& entry : model_table()) {
    ModelConfig config{.name = entry.name};
    if (std::count(entry.options.begin(), entry.options.end(), "width") > 0) config.width = 0.5;
    all.push_back({entry.name, config});
  }
  for (const std::string& op : cheap_op_names())
    all.push_back({"ghostnet_" + op, {.name = "ghostnet", .width = 0.5, .cheap_op = op, .stem_stride = 1}});
  return all;
}

TEST_F(InOnnxRuntime, EveryModelAnswersAsGhostPredict) {
  const test::TempDir dir;
  constexpr int64_t kSize = 32, kPictures = 3;
  Words pictures;
  for (int64_t i = 0; i < kPictures; i++) {
    const Image image = test::patterned_image(kSize, kSize, 3, i);
    pictures.push_back(fmt::format("{}.png", i));
    dir.write(pictures.back(), test::png_bytes(image));
    dir.write(fmt::format("{}.raw", i), image.pixels);
  }
  for (const auto& [name, config] : networks()) {
    SCOPED_TRACE(name);
    Network network;
    network.config.model = config;
    network.config.model.num_classes = 6;
    network.config.model_classes_set = true;
    network.config.data.name = "image_folder";
    network.model = build_model(network.config.model, 0);
    test::randomise(*network.model);
    network.classes = {"a", "b", "c", "d", "e", "f"};
    network.preprocessing = Preprocessing{
        .image_size = kSize, .resize = kSize, .channels = 3, .mean = {0.4, 0.5, 0.6}, .std = {0.2, 0.25, 0.3}};
    export_checkpoint(dir / (name + ".safetensors"), network);
    for (const Words& options : {Words{}, Words{"--with-preprocessing"}}) {
      const std::string file = name + (options.empty() ? "" : "_pixels") + ".onnx";
      Words arguments{"--checkpoint", name + ".safetensors", "--to", "onnx", "-o", file};
      arguments.insert(arguments.end(), options.begin(), options.end());
      const Finished done = convert(dir, arguments);
      ASSERT_EQ(done.status, 0) << done.err;
    }
    Words arguments{"--checkpoint", name + ".safetensors", "--json", "--logits"};
    arguments.insert(arguments.end(), pictures.begin(), pictures.end());
    const Finished predicted = test::run_program("ghost-predict", arguments, {.directory = dir.str()});
    ASSERT_EQ(predicted.status, 0) << predicted.err;
    dir.write(name + ".json", std::string_view(predicted.out));
  }
  Words arguments{dir.str(), std::to_string(kSize)};
  for (const auto& [name, config] : networks()) arguments.push_back(name);
  const test::CommandResult compared = python("runtime.py", arguments);
  EXPECT_EQ(compared.status, 0) << compared.output;
  EXPECT_THAT(compared.output, HasSubstr(fmt::format("{} networks", networks().size())));
}

// Rounding of values that lie between two numbers of 8 bits goes either way, and what follows differs by a step.
TEST_F(InOnnxRuntime, EightBitsAreEvaluatedAlike) {
  const test::TempDir dir;
  test::write_tiny_task(dir, {.size = 16});
  const Image image = test::patterned_image(16, 16, 1);
  dir.write("0.png", test::png_bytes(image)), dir.write("0.raw", image.pixels);
  for (const std::string model : {"resnet", "ghostnet", "mobilenet_v3"}) {
    const std::string run = "run_" + model;
    ASSERT_EQ(test::train_tiny(dir, {"--set", "model.name=" + model, "--set", "train.epochs=1", "--run", run}).status,
              0);
    const Finished done = convert(
        dir, {"--checkpoint", run, "--to", "onnx", "--int8", "--with-preprocessing", "-o", model + "_pixels.onnx"});
    ASSERT_EQ(done.status, 0) << done.err;
    const onnx::Graph graph = onnx::from_bytes(test::file_text(dir / (model + "_pixels.onnx")), model);
    const Tensor pixels = Tensor::from(image.pixels, {1, 16, 16, 1});
    const nlohmann::json expected = onnx::Evaluator(graph).run(pixels).to_vector<double>();
    dir.write(model + ".json", std::string_view(nlohmann::json::array({{{"logits", expected}}}).dump()));
    const test::CommandResult compared = python("runtime.py", {dir.str(), "16", "--pixels-only=0.05", model});
    EXPECT_EQ(compared.status, 0) << compared.output;
  }
}

// The first Python code of a page of the documentation that holds `word`.
std::string code_of(const std::string& page, const std::string& word) {
  const std::string text = test::file_text(fs::path(GHOST_SOURCE_DIR) / page), fence = "```";
  for (size_t at = text.find(fence + "python\n"); at != std::string::npos; at = text.find(fence + "python\n", at + 1)) {
    const size_t begin = text.find('\n', at) + 1;
    const std::string code = text.substr(begin, text.find(fence, begin) - begin);
    if (code.find(word) != std::string::npos) return code;
  }
  ADD_FAILURE() << page << " shows no code with " << word;
  return {};
}

TEST_F(InOnnxRuntime, APhotoHasTheProbabilitiesOfGhostPredictInTheTenLinesOfTheDocumentation) {
  if (test::run_command("python3 -c 'import PIL'").status != 0) GTEST_SKIP() << "python3 has no Pillow";
  const test::TempDir dir;
  dir.write("photo.jpg", test::jpeg_bytes(test::patterned_image(61, 83, 3)));
  Network network;
  network.config.model = {.name = "ghostnet", .num_classes = 6, .width = 0.5};
  network.config.model_classes_set = true;
  network.config.data.name = "image_folder";
  network.model = build_model(network.config.model, 0);
  test::randomise(*network.model);
  network.classes = {"a", "b", "c", "d", "e", "f"};
  dir.write("lines.py", std::string_view(code_of("docs/deploy.md", "photo.jpg")));
  for (const int64_t resize : {40, 32, 28}) {  // cut out, whole, with zeros around it
    network.preprocessing = Preprocessing{
        .image_size = 32, .resize = resize, .channels = 3, .mean = {0.4, 0.5, 0.6}, .std = {0.2, 0.25, 0.3}};
    fs::remove(dir / "network.onnx");
    export_checkpoint(dir / "network.safetensors", network);
    const Finished done = convert(dir, {"--checkpoint", "network.safetensors", "--to", "onnx", "--with-preprocessing",
                                        "--softmax", "-o", "network.onnx"});
    ASSERT_EQ(done.status, 0) << done.err;
    const Finished predicted = test::run_program(
        "ghost-predict", {"--checkpoint", "network.safetensors", "--json", "photo.jpg"}, {.directory = dir.str()});
    ASSERT_EQ(predicted.status, 0) << predicted.err;
    const test::CommandResult python = test::run_command("cd '" + dir.str() + "' && python3 lines.py");
    ASSERT_EQ(python.status, 0) << python.output;
    std::istringstream lines(python.output);
    for (const auto& expected : nlohmann::json::parse(predicted.out)[0]["top"]) {
      std::string name;
      double probability = 0;
      lines >> name >> probability;
      EXPECT_EQ(name, expected["class"]) << resize;
      EXPECT_NEAR(probability, expected["probability"].get<double>(), 1e-4) << resize;
    }
  }
}

}  // namespace
}  // namespace ghost
