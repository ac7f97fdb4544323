// What cannot be exported is named, and leaves no file.
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/pool.h"
#include "core/ops/shape_ops.h"
#include "export/graphs.h"
#include "nn/layers/conv2d.h"
#include "nn/models/registry.h"
#include "support/temp_dir.h"
#include "train/network/onnx_export.h"

namespace ghost {
namespace {

using test::error_of;
using test::random_tensor;
using testing::AllOf;
using testing::HasSubstr;

// A layer of somebody who wrote what we do not know, as `inside.layer`.
class Custom final : public Module {
 public:
  using Forward = std::function<Tensor(const Tensor&)>;
  explicit Custom(Forward f) : f_(std::move(f)) {}
  const char* kind() const override { return "Custom"; }

 protected:
  Tensor forward(const Tensor& x) override { return f_(x); }

 private:
  Forward f_;
};
class Around final : public Module {
 public:
  explicit Around(Custom::Forward f)
      : conv_(this, "conv", Conv2d::Options{.in = 3, .out = 4, .kernel = 1}), layer_(this, "layer", std::move(f)) {}
  const char* kind() const override { return "Around"; }

 protected:
  Tensor forward(const Tensor& x) override { return layer_(conv_(x)); }

 private:
  Child<Conv2d> conv_;
  Child<Custom> layer_;
};
class Outer final : public Module {
 public:
  explicit Outer(Custom::Forward f) : inside_(this, "inside", std::move(f)) {}
  const char* kind() const override { return "Outer"; }

 protected:
  Tensor forward(const Tensor& x) override { return flatten(global_avg_pool(inside_(x))); }

 private:
  Child<Around> inside_;
};

std::string refusal_of(Custom::Forward f) {
  Outer model(std::move(f));
  model.initialise(1);
  return error_of([&] { test::file_graph_of(model, {3, 6, 6, 3}); });
}

// Twice its input, without a word to anybody.
class TwiceNode final : public Node {
 public:
  const char* name() const override { return "twice"; }
  void backward(Gradient g) override { sink_of(0)->give(std::move(g)); }
};
Tensor twice(const Tensor& x) {
  Tensor y = x.detach() + x.detach();
  return make_result(make_body(y.values()), std::make_shared<TwiceNode>(), {&x});
}

TEST(Refused, AnOperatorThatDoesNotDescribeItselfByNameAndModule) {
  EXPECT_EQ(refusal_of(twice), "twice cannot be exported: no operator of ONNX is known for it (in inside.layer)");
}

TEST(Refused, WhatDependsOnTheBatch) {
  EXPECT_EQ(refusal_of([](const Tensor& x) { return batch_norm(x, {}, {}, {}, {.training = false}); }),
            "batch_norm cannot be exported: it normalises by the batch, not by running statistics (in inside.layer)");
  EXPECT_EQ(refusal_of([](const Tensor& x) {
              return slice(x, {{0, 1}});
            }),
            "slice cannot be exported: it takes some of the images (in inside.layer)");
  EXPECT_EQ(refusal_of([](const Tensor& x) {
              return reshape(x, {1, 6, 18, 4});
            }),
            "reshape cannot be exported: it makes (1, 6, 18, 4) of (3, 6, 6, 4), which mixes images (in inside.layer)");
}

TEST(Refused, OtherTypesThanF32) {
  EXPECT_THAT(refusal_of([](const Tensor& x) { return relu(x.to(DType::f64)).to(DType::f32); }),
              AllOf(HasSubstr("to cannot be exported"), HasSubstr("(in inside.layer)")));
}

// ---- files

Network network_of(ModulePtr model) {
  Network network;
  network.file = "tiny";
  network.config.data.name = "image_folder";
  network.config.data.root = "nowhere";
  network.model = std::move(model);
  network.classes = {"a", "b", "c", "d"};
  network.preprocessing =
      Preprocessing{.image_size = 6, .resize = 7, .channels = 3, .mean = {0.4, 0.5, 0.6}, .std = {0.2, 0.25, 0.3}};
  return network;
}
ModulePtr outer(Custom::Forward f) {
  auto model = std::make_shared<Outer>(std::move(f));
  model->initialise(1);
  return model;
}

TEST(OnnxFile, IsWrittenOnlyIfItAnswersAsTheNetworkDoes) {
  const test::TempDir dir;
  // Values outside of operators are constants of the recording, so other images get the wrong answer.
  const Network wrong = network_of(outer([](const Tensor& x) {
    std::vector<float> values = x.to_vector<float>();
    for (float& v : values) v += 1;
    return x + Tensor::from(values, {x.size(0), 6, 6, 4});
  }));
  EXPECT_THAT(error_of([&] { export_onnx(dir / "never.onnx", wrong, {.images = 3}); }),
              HasSubstr("tiny: the exported graph gives (3, 4), but the network (1, 4)"));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  dir.write("before.onnx", std::string_view("what was there"));
  const Network other = network_of(outer([](const Tensor& x) {
    const float first = x.to_vector<float>().front();
    return x + Tensor::scalar(first < 0 ? 1 : first + 2);
  }));
  EXPECT_THAT(error_of([&] { export_onnx(dir / "before.onnx", other); }),
              AllOf(HasSubstr("does not compute what the network does"), HasSubstr("Nothing is written"),
                    HasSubstr("16 images of random pixels")));
  EXPECT_EQ(test::file_text(dir / "before.onnx"), "what was there");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(OnnxFile, SaysWhatTheNetworkIs) {
  const test::TempDir dir;
  Network network = network_of(outer([](const Tensor& x) { return relu(x); }));
  network.progress = Progress();
  network.progress->epoch = 3, network.progress->best_epoch = 3, network.progress->best_top1 = 81.5;
  const OnnxReport report = export_onnx(dir / "tiny.onnx", network);
  EXPECT_LE(report.largest_difference, 1e-5);
  EXPECT_GT(report.largest_output, 0);
  EXPECT_THAT(report.checked_with, HasSubstr("16 images of random pixels, since image_folder cannot be read: "));
  const std::string bytes = test::file_text(dir / "tiny.onnx");
  EXPECT_EQ(std::ssize(bytes), report.bytes);
  const onnx::Graph graph = onnx::from_bytes(bytes, "tiny.onnx");
  const auto json = [&](const char* key) { return nlohmann::json::parse(graph.metadata.at(key)); };
  EXPECT_EQ(json("classes"), (nlohmann::json{"a", "b", "c", "d"}));
  EXPECT_EQ(json("preprocessing").at("resize"), 7);
  EXPECT_EQ(json("preprocessing").at("mean"), (nlohmann::json{0.4, 0.5, 0.6}));
  EXPECT_EQ(json("accuracy").at("top1"), 81.5);
  EXPECT_THAT(graph.metadata.at("config"), AllOf(HasSubstr("model:"), HasSubstr("root: \"\"")));
  EXPECT_FALSE(graph.metadata.at("ghost_version").empty());

  // Of weights that were not those that were tested nothing is said.
  network.progress->epoch = 4;
  export_onnx(dir / "later.onnx", network);
  EXPECT_EQ(onnx::from_bytes(test::file_text(dir / "later.onnx"), "later").metadata.count("accuracy"), 0U);
}

TEST(OnnxFile, TakesPixelsAndGivesProbabilities) {
  const test::TempDir dir;
  const Network network = network_of(outer([](const Tensor& x) { return relu(x); }));
  export_onnx(dir / "tiny.onnx", network, {.preprocessing = true, .softmax = true});
  const onnx::Graph graph = onnx::from_bytes(test::file_text(dir / "tiny.onnx"), "tiny.onnx");
  EXPECT_EQ(graph.input.type, onnx::ElementType::u8);
  EXPECT_EQ(graph.input.dims, (onnx::Dims{-1, 6, 6, 3}));
  EXPECT_EQ(graph.output.name, "probabilities");
  const Tensor pixels = Tensor::from(std::vector<uint8_t>(2 * 6 * 6 * 3, 200), {2, 6, 6, 3});
  double sum = 0;
  for (const double p : onnx::Evaluator(graph).run(pixels).to_vector<double>()) sum += p;
  EXPECT_NEAR(sum, 2, 1e-6);
}

TEST(OnnxFile, ThatIsDamagedIsRefusedAndNeverCrashes) {
  const ModulePtr model = build_model({.name = "plain_cnn", .num_classes = 3, .channels = {4}}, 0);
  const std::string whole = onnx::to_bytes(test::file_graph_of(*model, {3, 8, 8, 3}), "1");
  int refused = 0;
  for (size_t size = 0; size < whole.size(); size += 7) try {
      onnx::from_bytes(std::string_view(whole).substr(0, size), "cut");
    } catch (const Error&) {
      refused++;
    }
  EXPECT_GE(refused, static_cast<int>(whole.size() / 7) - 5);
  for (size_t at = 0; at < whole.size(); at += 3) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    try {
      const onnx::Graph graph = onnx::from_bytes(changed, "changed");
      onnx::Evaluator(graph).run(Tensor::zeros({1, 3, 8, 8}));
    } catch (const std::exception&) {
    }
  }
  EXPECT_THAT(error_of([] { onnx::from_bytes("no such thing", "text.txt"); }), HasSubstr("text.txt: "));
}

}  // namespace
}  // namespace ghost
