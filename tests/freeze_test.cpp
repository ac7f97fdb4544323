// Parts of a model that do not train.
#include "nn/freeze.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ops/cross_entropy.h"
#include "nn/models/registry.h"
#include "nn/state_dict.h"
#include "support/modules.h"

namespace ghost {
namespace {

using test::error_of;
using test::random_tensor;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  for (const Parameter& p : parameters) names.push_back(p.name);
  return names;
}
std::vector<std::string> trained(Module& model) { return names_of(trainable_parameters(model)); }

ModulePtr small_net() { return build_model({.name = "mini_group_net"}, 0); }

void backward_through(Module& model) {
  const Tensor logits = model(random_tensor({4, 16, 16, 3}, 0));
  cross_entropy(logits, Tensor::from<int64_t>({0, 1, 2, 3}, {4})).backward();
}

TEST(Freeze, APatternMeansParametersOrTheModulesAroundThem) {
  const ModulePtr ghostnet = build_model({.name = "ghostnet"}, 0);
  const auto left = [&](const std::vector<std::string>& patterns) {
    for (Parameter& p : ghostnet->parameters()) p.tensor.set_requires_grad();
    freeze(*ghostnet, patterns);
    return trained(*ghostnet);
  };
  EXPECT_EQ(left({}), names_of(ghostnet->parameters()));
  const std::vector<std::string> head{"conv_head.weight", "conv_head.bias", "classifier.weight", "classifier.bias"};
  EXPECT_EQ(left({"conv_stem", "bn1.*", "blocks"}), head);
  EXPECT_EQ(left({"conv_stem*", "bn1", "blocks.*"}), head);
  EXPECT_EQ(left({"conv_*", "bn1", "blocks.?"}), (std::vector<std::string>{"classifier.weight", "classifier.bias"}));
  EXPECT_THAT(left({"[!b]*", "bn1", "blocks.[0-8]"}), Each(StartsWith("blocks.9")));
  EXPECT_THAT(left({"*.weight"}), Each(testing::EndsWith(".bias")));
}

TEST(Freeze, FrozenParametersGetNoGradient) {
  const ModulePtr model = small_net();
  freeze(*model, {"stem", "stage1.*"});
  backward_through(*model);
  for (const Parameter& p : model->parameters()) {
    const bool frozen = p.name.starts_with("stem") || p.name.starts_with("stage1");
    EXPECT_EQ(p.tensor.grad().defined(), !frozen) << p.name;
  }
  EXPECT_THAT(trained(*model), Each(testing::AnyOf(StartsWith("stage2"), StartsWith("fc"))));
}

TEST(Freeze, GradientsOfTheRestAreWhatTheyWere) {
  // Batch norms of both run in evaluation mode, where nothing but the wants differs.
  const ModulePtr whole = small_net(), part = small_net();
  whole->eval(), part->eval();
  freeze(*part, {"stage1"});
  backward_through(*whole), backward_through(*part);
  const auto all = whole->parameters(), some = part->parameters();
  for (size_t i = 0; i < all.size(); i++) {
    if (some[i].name.starts_with("stage1")) continue;
    EXPECT_EQ(some[i].tensor.grad().to_vector<float>(), all[i].tensor.grad().to_vector<float>()) << all[i].name;
  }
}

TEST(Freeze, ABatchNormThatIsFrozenWholeKeepsItsStatistics) {
  const ModulePtr model = small_net();
  const auto statistics = [&](const std::string& name) {
    for (const Buffer& b : model->buffers())
      if (b.name == name) return b.tensor.to_vector<float>();
    return std::vector<float>();
  };
  const auto stem = statistics("stem.1.running_mean"), skip = statistics("stage1.skip.1.running_mean"),
             fc = statistics("stage2.skip.1.running_mean");
  freeze(*model, {"stem", "stage1.skip.1.weight"});  // of stage1's only a half
  model->train();
  backward_through(*model);
  EXPECT_EQ(statistics("stem.1.running_mean"), stem);
  EXPECT_NE(statistics("stage1.skip.1.running_mean"), skip);
  EXPECT_NE(statistics("stage2.skip.1.running_mean"), fc);
}

TEST(Freeze, CanBeTakenBack) {
  const ModulePtr model = small_net();
  backward_through(*model);
  freeze(*model, {"stem"});
  EXPECT_FALSE(model->parameters()[0].tensor.grad().defined()) << "an old gradient would be applied";
  for (Parameter& p : model->parameters()) p.tensor.set_requires_grad();
  backward_through(*model);
  EXPECT_TRUE(model->parameters()[0].tensor.grad().defined());
}

TEST(Freeze, APatternWithoutAParameterIsAnErrorAndChangesNothing) {
  const ModulePtr model = build_model({.name = "ghostnet"}, 0);
  const auto before = trained(*model);
  const auto message = [&](const std::vector<std::string>& patterns) {
    return error_of([&] { freeze(*model, patterns); });
  };
  EXPECT_EQ(message({"bn1", "block.*"}),
            "train.freeze: 'block.*' matches no parameter of GhostNet; did you mean 'blocks.*'?");
  EXPECT_THAT(message({"conv_stm*"}), HasSubstr("did you mean 'conv_stem*'?"));
  EXPECT_THAT(message({"clasifier.weight"}), HasSubstr("did you mean 'classifier.weight'?"));
  EXPECT_THAT(message({"features.[0-9]", ""}),
              AllOf(HasSubstr("'features.[0-9]' matches no"), HasSubstr("; '' matches no"),
                    HasSubstr("; there are conv_stem, bn1, blocks, conv_head, classifier")));
  EXPECT_THAT(message({"*"}), HasSubstr("every parameter of GhostNet is frozen"));
  EXPECT_EQ(trained(*model), before);
}

}  // namespace
}  // namespace ghost
