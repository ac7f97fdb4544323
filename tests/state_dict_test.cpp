#include "nn/state_dict.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ops/reduce.h"
#include "nn/layers/conv_bn_act.h"
#include "nn/layers/linear.h"
#include "nn/models/registry.h"
#include "support/modules.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::entry_names;
using test::error_of;
using test::random_tensor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Net final : public Module {
 public:
  Net()
      : stem_(this, "stem", ConvBlock{.in = 2, .out = 3, .kernel = {3, 5}}),
        fc_(this, "fc", Linear::Options{.in = 3, .out = 2}) {}
  const char* kind() const override { return "Net"; }
  const Conv2d& stem() const { return *stem_->conv(); }

 protected:
  Tensor forward(const Tensor& x) override { return fc_(mean(stem_(x), {1, 2})); }

 private:
  Child<ConvBnAct> stem_;
  Child<Linear> fc_;
};

std::vector<NamedTensor> without(std::vector<NamedTensor> entries, const std::string& name) {
  entries.erase(std::remove_if(entries.begin(), entries.end(), [&](const NamedTensor& e) { return e.name == name; }),
                entries.end());
  return entries;
}

std::vector<std::vector<double>> values_of(Module& module) {
  std::vector<std::vector<double>> all;
  for (const NamedTensor& e : state_dict(module)) all.push_back(e.tensor.to_vector<double>());
  return all;
}

TEST(StateDict, HasPyTorchsOrderAndAxes) {
  Net net;
  net.initialise(0);
  EXPECT_THAT(entry_names(net),
              ElementsAre("stem.0.weight", "stem.1.weight", "stem.1.bias", "stem.1.running_mean", "stem.1.running_var",
                          "stem.1.num_batches_tracked", "fc.weight", "fc.bias"));
  const Tensor outside = state_dict(net)[0].tensor, inside = net.stem().weight();
  ASSERT_EQ(inside.shape(), Shape({3, 3, 5, 2}));   // (O, KH, KW, I)
  ASSERT_EQ(outside.shape(), Shape({3, 2, 3, 5}));  // (O, I, KH, KW)
  for (int64_t o = 0; o < 3; o++)
    for (int64_t i = 0; i < 2; i++)
      for (int64_t h = 0; h < 3; h++)
        for (int64_t w = 0; w < 5; w++)
          EXPECT_EQ(outside.data<float>()[((o * 2 + i) * 3 + h) * 5 + w],
                    inside.data<float>()[((o * 3 + h) * 5 + w) * 2 + i]);
  EXPECT_EQ(from_pytorch_axes(outside).to_vector<float>(), inside.to_vector<float>());
}

TEST(StateDict, EntriesAreClones) {
  Net net;
  net.initialise(0);
  std::vector<NamedTensor> entries = state_dict(net);
  const auto before = values_of(net);
  for (NamedTensor& e : entries)
    if (is_floating(e.tensor.dtype())) std::fill_n(e.tensor.mutable_data<float>(), e.tensor.numel(), 9.0F);
  EXPECT_EQ(values_of(net), before);
}

TEST(StateDict, LoadsWhatItSaved) {
  Net a, b;
  a.initialise(0), b.initialise(1);
  a(random_tensor({2, 6, 6, 2}, 0));  // moves the running statistics
  const LoadReport report = load_state_dict(b, state_dict(a));
  EXPECT_TRUE(report.missing.empty() && report.unexpected.empty() && report.mismatched.empty());
  EXPECT_EQ(values_of(b), values_of(a));
  a.eval(), b.eval();
  const Tensor x = random_tensor({2, 6, 6, 2}, 1);
  EXPECT_EQ(a(x).to_vector<float>(), b(x).to_vector<float>());
}

TEST(StateDict, SurvivesASafetensorsFile) {
  Net a, b;
  a.initialise(0), b.initialise(1);
  const test::TempDir dir;
  write_safetensors(dir / "net.safetensors", state_dict(a));
  load_state_dict(b, read_safetensors(dir / "net.safetensors").tensors);
  EXPECT_EQ(values_of(b), values_of(a));
}

TEST(StateDict, ConvertsBetweenFloatingTypes) {
  Net a, b;
  a.initialise(0), b.initialise(1);
  b.to(DType::f64);
  load_state_dict(b, state_dict(a));
  EXPECT_EQ(b.stem().weight().dtype(), DType::f64);
  EXPECT_EQ(values_of(b), values_of(a));
}

TEST(StateDict, ListsEveryProblemAtOnceWithTheNearestName) {
  Net net;
  net.initialise(0);
  std::vector<NamedTensor> entries = state_dict(net);
  for (NamedTensor& e : entries) {
    if (e.name == "stem.1.running_var") e.name = "stem.1.runing_var";
    if (e.name == "fc.bias") e.name = "head.something_else";
    if (e.name == "fc.weight") e.tensor = Tensor::zeros({2, 4});
    if (e.name == "stem.0.weight") e.tensor = Tensor::zeros({3, 3, 5, 2});  // our axes, not PyTorch's
    if (e.name == "stem.1.weight") e.tensor = Tensor::zeros({3}, DType::i64);
  }
  const auto before = values_of(net);
  EXPECT_EQ(error_of([&] { load_state_dict(net, entries); }),
            "load_state_dict: the entries do not fit Net:\n"
            "  2 missing:\n"
            "    stem.1.running_var; did you mean 'stem.1.runing_var'?\n"
            "    fc.bias\n"
            "  2 unexpected:\n"
            "    stem.1.runing_var; did you mean 'stem.1.running_var'?\n"
            "    head.something_else\n"
            "  3 mismatched:\n"
            "    stem.0.weight: f32 (3, 3, 5, 2), but the model has f32 (3, 2, 3, 5)\n"
            "    stem.1.weight: i64 (3), but the model has f32 (3)\n"
            "    fc.weight: f32 (2, 4), but the model has f32 (2, 3)");
  EXPECT_EQ(values_of(net), before);
}

TEST(StateDict, NotStrictLoadsWhatFitsAndReportsTheRest) {
  Net net, other;
  net.initialise(0), other.initialise(1);
  std::vector<NamedTensor> entries = without(state_dict(other), "fc.bias");
  entries.push_back({"extra", Tensor::zeros({1})});
  for (NamedTensor& e : entries)
    if (e.name == "stem.1.bias") e.tensor = Tensor::zeros({4});
  const LoadReport report = load_state_dict(net, entries, false);
  EXPECT_THAT(report.missing, ElementsAre("fc.bias"));
  EXPECT_THAT(report.unexpected, ElementsAre("extra"));
  EXPECT_THAT(report.mismatched, ElementsAre("stem.1.bias"));
  EXPECT_EQ(net.stem().weight().to_vector<float>(), other.stem().weight().to_vector<float>());
}

TEST(StateDict, OldFilesWithoutBatchCountsLoad) {
  Net net;
  net.initialise(0);
  EXPECT_NO_THROW(load_state_dict(net, without(state_dict(net), "stem.1.num_batches_tracked")));
  EXPECT_THAT(error_of([&] { load_state_dict(net, without(state_dict(net), "stem.1.running_mean")); }),
              HasSubstr("stem.1.running_mean"));
}

TEST(StateDict, RefusesANameThatOccursTwice) {
  Net net;
  net.initialise(0);
  std::vector<NamedTensor> entries = state_dict(net);
  entries.push_back(entries[0]);
  EXPECT_THAT(error_of([&] { load_state_dict(net, entries); }), HasSubstr("'stem.0.weight' occurs twice"));
}

TEST(StateDict, OneModelsWeightsInAnotherListsAllOfBoth) {
  const ModulePtr ghostnet = build_model({.name = "ghostnet"}, 0), small = build_model({.name = "mini_group_net"}, 0);
  const std::string message = error_of([&] { load_state_dict(*small, state_dict(*ghostnet)); });
  EXPECT_THAT(message, HasSubstr("512 unexpected"));
  EXPECT_THAT(message, HasSubstr("stage2.skip.1.running_var"));
  EXPECT_THAT(message, HasSubstr("blocks.8.3.ghost2.cheap_operation.1.running_var"));
  EXPECT_THAT(message, Not(HasSubstr("mismatched")));
}

}  // namespace
}  // namespace ghost
