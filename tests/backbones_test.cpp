// The backbones that are compared for mobile use: what they cost, their layouts for small images, what a deployed
// network answers, and what is refused. Their numbers are held to PyTorch's by reference_test.
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/pool.h"
#include "core/ops/resize.h"
#include "core/ops/shape_ops.h"
#include "nn/cost.h"
#include "nn/layers/merge.h"
#include "nn/models/deployed.h"
#include "nn/models/ghostnet_v3.h"
#include "nn/models/repghost.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/temp_dir.h"
#include "train/network/export.h"
#include "train/network/network.h"

namespace ghost {
namespace {

using test::entry_names;
using test::error_of;
using test::random_tensor;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

struct Counts {
  int64_t parameters, macs;
  bool operator==(const Counts&) const = default;
};

void PrintTo(const Counts& c, std::ostream* to) {  // NOLINT: as GoogleTest calls it
  *to << c.parameters << " parameters, " << c.macs << " multiply-accumulates";
}

Counts counts_of(const ModelConfig& config, int64_t side) {
  const NoGrad no_grad;
  const NetworkCost cost = measure_cost(*construct_model(config), Tensor::zeros({1, side, side, 3}));
  return {cost.model().parameters.all, cost.model().macs};
}

TEST(Backbones, CostWhatIsPublishedOfThem) {
  const auto of = [](const std::string& name, double width, const std::string& variant = "official") {
    return counts_of({.name = name, .num_classes = 1000, .width = width, .variant = variant}, 224);
  };
  EXPECT_EQ(of("mobilenet_v4", 1), (Counts{3774024, 186005568}));
  EXPECT_EQ(of("mobilenet_v4", 1, "conv_medium"), (Counts{9715512, 827649984}));
  EXPECT_EQ(of("repghost", 1), (Counts{4073604, 142394128}));
  EXPECT_EQ(of("ghostnet_v2", 1), (Counts{6156908, 167048288}));
  EXPECT_EQ(of("ghostnet_v2", 1.3), (Counts{8960404, 269322976}));
  EXPECT_EQ(of("ghostnet_v2", 1.6), (Counts{12392698, 398607224}));
  EXPECT_EQ(of("mobilenet_v2", 1), (Counts{3504872, 300774272}));
  EXPECT_EQ(of("shufflenet_v2", 0.5), (Counts{1366792, 40476448}));
  EXPECT_EQ(of("shufflenet_v2", 1), (Counts{2278604, 144907992}));
  EXPECT_EQ(of("shufflenet_v2", 1.5), (Counts{3503624, 295759392}));
  EXPECT_EQ(of("shufflenet_v2", 2), (Counts{7393996, 583253464}));
  EXPECT_EQ(of("mobilenet_v3", 1, "small"), (Counts{2542856, 56510400}));
  EXPECT_EQ(of("mobilenet_v3", 1, "large"), (Counts{5483032, 216589760}));
  EXPECT_EQ(of("mobilenet_v1", 1, "timm").parameters, 4231976);
}

// Of timm's and torchvision's models of these widths.
TEST(Backbones, RoundChannelsAsTheOriginals) {
  const auto of = [](const std::string& name, double width, const std::string& variant = "official") {
    return counts_of({.name = name, .num_classes = 1000, .width = width, .variant = variant}, 32).parameters;
  };
  EXPECT_EQ(of("mobilenet_v4", 0.35), 1905384);
  EXPECT_EQ(of("mobilenet_v4", 0.5), 2238952);
  EXPECT_EQ(of("repghost", 0.5), 2313968);
  EXPECT_EQ(of("mobilenet_v2", 0.35), 1677128);
  EXPECT_EQ(of("mobilenet_v2", 1.4), 6108776);
}

TEST(Backbones, HaveALayoutForSmallImages) {
  const auto of = [](const std::string& name, double width) {
    return counts_of({.name = name, .num_classes = 10, .width = width, .stem_stride = 1}, 32);
  };
  EXPECT_EQ(of("mobilenet_v2", 0.5), (Counts{700490, 27969024}));
  EXPECT_EQ(of("mobilenet_v2", 1), (Counts{2236682, 87976448}));
  EXPECT_EQ(of("shufflenet_v2", 1), (Counts{1263854, 45002112}));
}

TEST(Backbones, MobileNetV1HasTimmsNamesIfAsked) {
  const auto names = [](const std::string& variant) {
    return entry_names(*construct_model({.name = "mobilenet_v1", .width = 0.25, .variant = variant}));
  };
  EXPECT_THAT(names("official"), AllOf(Contains("blocks.12.conv_pw.weight"), Not(Contains("blocks.4.1.bn2.bias"))));
  EXPECT_THAT(names("timm"), AllOf(Contains("blocks.4.1.bn2.bias"), Not(Contains("blocks.12.conv_pw.weight"))));
  EXPECT_EQ(names("official").size(), names("timm").size());
}

TEST(Backbones, AWidthOrVariantThatThereIsNotIsRefusedWithTheNearest) {
  const auto message = [](const ModelConfig& config) {
    EXPECT_THROW(construct_model(config), UsageError);
    return error_of([&] { construct_model(config); });
  };
  EXPECT_THAT(message({.name = "shufflenet_v2", .width = 1.2}),
              HasSubstr("width=1.2, but must be 0.5, 1, 1.5 or 2; nearest valid: 1"));
  EXPECT_EQ(message({.name = "mobilenet_v4", .variant = "conv_smal"}),
            "model.variant is 'conv_smal', but must be conv_small or conv_medium; did you mean 'conv_small'?");
  EXPECT_EQ(message({.name = "mobilenet_v3", .variant = "timm"}),
            "model.variant is 'timm', but must be large or small");
}

// ---- networks with parallel branches

struct Deployed {
  ModulePtr trained, merged;
  ModelConfig config;
};

// Two steps, so that every batch norm has scales, shifts and statistics of its own.
Deployed trained_and_deployed(const std::string& name) {
  const ModelConfig config{.name = name, .num_classes = 5, .width = 0.25, .dropout = 0, .stem_stride = 1};
  const ModulePtr model = build_model(config, 3);
  const StepScope scope(0, 0);
  for (int step = 0; step < 2; step++) {
    for (const Parameter& p : model->parameters()) Tensor(p.tensor).clear_grad();
    cross_entropy((*model)(random_tensor({5, 32, 32, 3}, 1)), Tensor::from<int64_t>({0, 1, 2, 3, 4}, {5})).backward();
    for (Parameter& p : model->parameters()) {
      const auto g = p.tensor.grad().to_vector<float>();
      auto* w = p.tensor.mutable_data<float>();
      for (size_t i = 0; i < g.size(); i++) w[i] -= 0.05F * g[i];
    }
  }
  return {model, deployed_network(*model, config), config};
}

TEST(DeployedNetwork, AnswersAsTheTrainedOneWithFewerParameters) {
  for (const char* name : {"repghost", "ghostnet_v3"}) {
    const Deployed d = trained_and_deployed(name);
    EXPECT_LT(test::parameter_count(*d.merged), test::parameter_count(*d.trained)) << name;
    d.trained->eval();
    const NoGrad no_grad;
    const Tensor x = random_tensor({2, 48, 40, 3}, 5), want = (*d.trained)(x), got = (*d.merged)(x);
    EXPECT_LT(test::largest_difference(got, want), 1e-5 * test::largest_magnitude(want)) << name;
    EXPECT_FALSE(d.merged->training()) << name;
  }
}

TEST(DeployedNetwork, HasThePublishedSize) {
  const auto of = [](const std::string& name) {
    return counts_of({.name = name, .num_classes = 1000, .deployed = true}, 224);
  };
  EXPECT_EQ(of("repghost"), (Counts{4058772, 142394128}));
  EXPECT_EQ(of("ghostnet_v3"), (Counts{6147588, 167048288}));
  EXPECT_EQ(counts_of({.name = "ghostnet_v3", .num_classes = 1000}, 224).parameters, 8129028);
}

TEST(DeployedNetwork, HasTimmsNames) {
  const auto names = [](const std::string& name) {
    return entry_names(*construct_model({.name = name, .width = 0.25, .deployed = true}));
  };
  EXPECT_THAT(names("repghost"), AllOf(Contains("blocks.0.0.ghost1.cheap_operation.bias"),
                                       Contains("blocks.0.0.ghost1.primary_conv.1.bias"),
                                       Not(Contains("blocks.0.0.ghost1.fusion_bn.0.bias"))));
  EXPECT_THAT(
      names("ghostnet_v3"),
      AllOf(Contains("blocks.1.0.conv_dw.bias"), Contains("blocks.1.0.ghost1.cheap_operation.0.bias"),
            Contains("blocks.2.0.ghost1.short_conv.5.bias"), Not(Contains("blocks.1.0.ghost1.cheap_rpr_skip.bias"))));
}

TEST(DeployedNetwork, IsMadeOnceAndOfBranchesOnly) {
  const Deployed d = trained_and_deployed("repghost");
  ModelConfig again = d.config;
  again.deployed = true;
  EXPECT_THAT(error_of([&] { deployed_network(*d.merged, again); }), HasSubstr("merged already"));
  EXPECT_THAT(error_of([&] { deployed_network(*d.merged, d.config); }), HasSubstr("no branches here to merge"));
  EXPECT_EQ(error_of([&] { deployed_network(*d.trained, {.name = "vgg"}); }),
            "vgg has no parallel branches to merge; there are repghost, ghostnet_v3");
  EXPECT_TRUE(has_branches("repghost"));
  EXPECT_FALSE(has_branches("vgg"));
}

// The module's results, put together from those of its members.
TEST(GhostModuleV3, AddsItsBranchesBeforeTheActivation) {
  GhostModuleV3 module({.in = 3, .out = 8, .attention = true});
  module.initialise(2);
  for (const Parameter& p : module.parameters())
    if (p.name.ends_with("bias")) Tensor(p.tensor).copy_from(random_tensor(p.tensor.shape(), 7));
  module.eval();
  const NoGrad no_grad;
  std::map<std::string, Module*> part;
  for (const auto& [path, m] : module.modules()) part[path] = m;
  const auto of = [&](const std::string& path, const Tensor& x) { return (*part.at(path))(x); };
  const auto three = [&](const std::string& path, const Tensor& x) {
    return of(path + ".0", x) + of(path + ".1", x) + of(path + ".2", x);
  };
  const Tensor x = random_tensor({2, 6, 5, 3}, 1);
  const Tensor primary = relu(three("primary_rpr_conv", x));
  const Tensor ghosts =
      relu(three("cheap_rpr_conv", primary) + of("cheap_rpr_scale", primary) + of("cheap_rpr_skip", primary));
  Tensor gate = avg_pool2d(x, {.kernel = {2, 2}, .stride = {2, 2}});
  for (const char* place : {"0", "1", "2", "3", "4", "5"}) gate = of(std::string("short_conv.") + place, gate);
  const Tensor want = cat({primary, ghosts}) * resize_nearest(sigmoid(gate), {6, 5}), got = module(x);
  EXPECT_GT(test::largest_magnitude(want), 0.1);
  EXPECT_LT(test::largest_difference(got, want), 1e-6 * test::largest_magnitude(want));
}

// What --deploy of the programs does, and that the file which ghost-convert then writes needs no more words.
TEST(DeployedNetwork, IsMadeOfAFileAndReadFromOne) {
  const Deployed d = trained_and_deployed("repghost");
  const test::TempDir dir;
  const std::string yaml =
      "model: {name: repghost, num_classes: 5, width: 0.25, stem_stride: 1}\ndata: {name: cifar10}\n";
  std::ofstream(dir / "net.yaml") << yaml;
  write_safetensors(dir / "trained.safetensors", state_dict(*d.trained));
  NetworkSource source{.weights = (dir / "trained.safetensors").string(), .config = (dir / "net.yaml").string()};
  source.deploy = true;
  const Network deployed = load_network(source);
  export_weights(dir / "deployed.safetensors", deployed);
  const Network read = load_network({.weights = (dir / "deployed.safetensors").string()});
  EXPECT_TRUE(read.config.model.deployed);
  read.model->eval();
  const NoGrad no_grad;
  const Tensor x = random_tensor({2, 32, 32, 3}, 5);
  EXPECT_EQ((*read.model)(x).to_vector<float>(), (*d.merged)(x).to_vector<float>());
  source.config.clear(), source.weights = (dir / "deployed.safetensors").string();
  EXPECT_THAT(error_of([&] { load_network(source); }), HasSubstr("merged already"));
}

TEST(BranchSum, RefusesABranchThatDoesNotFit) {
  const Conv2d into({.in = 4, .out = 4, .kernel = 3, .padding = 1, .groups = 4});
  const BatchNorm2d norm({.channels = 4});
  BranchSum sum(into);
  const auto add = [&](const Conv2d::Options& o) { return error_of([&] { sum.add(Conv2d(o), norm); }); };
  EXPECT_THAT(add({.in = 4, .out = 4, .kernel = 5, .groups = 4, .bias = false}), HasSubstr("does not fit"));
  EXPECT_THAT(add({.in = 4, .out = 4, .kernel = 2, .groups = 4, .bias = false}), HasSubstr("does not fit"));
  EXPECT_THAT(add({.in = 4, .out = 4, .kernel = 3, .bias = false}), HasSubstr("does not fit"));
  EXPECT_THAT(add({.in = 4, .out = 4, .kernel = 3, .stride = 2, .groups = 4, .bias = false}),
              HasSubstr("does not fit"));
  EXPECT_THAT(error_of([] { BranchSum bad(Conv2d({.in = 4, .out = 4, .bias = false})); }), HasSubstr("without bias"));
}

}  // namespace
}  // namespace ghost
