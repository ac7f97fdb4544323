// What an optimizer remembers: a run that is resumed with it continues with the same bits.
#include <gmock/gmock.h>

#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/optimizers.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

using test::error_of;
using test::give_gradients;
using test::named;
using test::parameter;
using test::some_parameters;
using test::values_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::vector<OptimizerConfig> all_variants() {
  std::vector<OptimizerConfig> all;
  for (const OptimizerEntry& entry : optimizer_table()) {
    OptimizerConfig config = entry.defaults;
    all.push_back(config);
    config.momentum = 0.9, config.dampening = 0.1, config.amsgrad = true, config.centered = true;
    all.push_back(config);
  }
  return all;
}

TEST(OptimizerState, ResumedRunContinuesWithTheSameBits) {
  for (const OptimizerConfig& config : all_variants()) {
    const std::vector<Parameter> whole = some_parameters();
    const OptimizerPtr one = build_optimizer(config, whole);
    std::vector<NamedTensor> state;
    std::vector<Parameter> resumed;
    for (uint64_t step = 0; step < 6; ++step) {
      if (step == 3) {
        state = one->state();
        for (const Parameter& p : whole) {
          resumed.push_back({p.name, p.tensor.clone()});
          resumed.back().tensor.set_requires_grad();
        }
      }
      give_gradients(whole, 10 * step);
      one->step(0.01);
    }
    const OptimizerPtr other = build_optimizer(config, resumed);
    other->load_state(state);
    for (uint64_t step = 3; step < 6; ++step) {
      give_gradients(resumed, 10 * step);
      other->step(0.01);
    }
    EXPECT_EQ(values_of(whole), values_of(resumed)) << config.name;
  }
}

TEST(OptimizerState, IsNamedByWhatItIs) {
  const auto names = [](const std::string& name, double momentum) {
    OptimizerConfig config = named(name);
    config.momentum = momentum;
    config.amsgrad = true;
    const std::vector<Parameter> p{parameter("fc.weight", {2, 3}, 1)};
    const OptimizerPtr optimizer = build_optimizer(config, p);
    give_gradients(p, 1);
    optimizer->step(0.1);
    std::vector<std::string> all;
    for (const NamedTensor& entry : optimizer->state()) all.push_back(entry.name);
    return all;
  };
  EXPECT_THAT(names("muon", 0.9), ElementsAre("step.fc.weight", "momentum_buffer.fc.weight"));
  EXPECT_THAT(names("sgd", 0), ElementsAre("step.fc.weight"));
  EXPECT_THAT(names("sgd", 0.9), ElementsAre("step.fc.weight", "momentum_buffer.fc.weight"));
  EXPECT_THAT(names("adam", 0), UnorderedElementsAre("step.fc.weight", "exp_avg.fc.weight", "exp_avg_sq.fc.weight",
                                                     "max_exp_avg_sq.fc.weight"));
  EXPECT_THAT(names("rmsprop", 0.9),
              UnorderedElementsAre("step.fc.weight", "square_avg.fc.weight", "momentum_buffer.fc.weight"));
}

TEST(OptimizerState, HasPyTorchsAxes) {
  OptimizerConfig config = named("sgd");
  config.weight_decay = 0;
  const std::vector<Parameter> p{parameter("conv.weight", {6, 3, 5, 4}, 1)};  // (O, KH, KW, I)
  const OptimizerPtr optimizer = build_optimizer(config, p);
  give_gradients(p, 1);
  optimizer->step(0.1);
  const Tensor buffer = optimizer->state()[1].tensor;
  EXPECT_EQ(buffer.shape(), Shape({6, 4, 3, 5}));
  EXPECT_EQ(buffer.to_vector<float>(), to_pytorch_axes(p[0].tensor.grad()).to_vector<float>());
}

TEST(OptimizerState, ACopyDoesNotChangeWithTheRun) {
  const std::vector<Parameter> p = some_parameters();
  const OptimizerPtr optimizer = build_optimizer(named("sgd"), p);
  give_gradients(p, 1);
  optimizer->step(0.1);
  const std::vector<NamedTensor> state = optimizer->state();
  const std::vector<float> before = state.back().tensor.to_vector<float>();
  give_gradients(p, 2);
  optimizer->step(0.1);
  EXPECT_EQ(state.back().tensor.to_vector<float>(), before);
}

TEST(OptimizerState, EveryMisfitIsListedAndNothingChanges) {
  const std::vector<Parameter> p = some_parameters();
  const OptimizerPtr optimizer = build_optimizer(named("adam"), p);
  give_gradients(p, 1);
  optimizer->step(0.1);
  const std::vector<NamedTensor> good = optimizer->state();
  std::vector<NamedTensor> bad;
  for (const NamedTensor& entry : good) {
    if (entry.name == "exp_avg.bn.bias") continue;
    if (entry.name == "step.fc.weight") continue;
    const bool reshaped = entry.name == "exp_avg_sq.conv.weight";
    const bool counts = entry.tensor.dtype() == DType::i64;
    bad.push_back({entry.name, reshaped ? Tensor::zeros({6, 3})
                               : counts ? entry.tensor
                                        : Tensor::zeros(entry.tensor.shape())});
  }
  bad.push_back({"exp_avg.bn.bais", Tensor::zeros({6})});
  EXPECT_THAT(error_of([&] { optimizer->load_state(bad); }),
              AllOf(HasSubstr("exp_avg.bn.bias is missing"), HasSubstr("step.fc.weight is missing"),
                    HasSubstr("exp_avg_sq.conv.weight is (6, 3) of f32, but (6, 4, 3, 5) of f32 is expected"),
                    HasSubstr("exp_avg.bn.bais is unexpected; did you mean 'exp_avg.bn.bias'?")));
  const std::vector<NamedTensor> now = optimizer->state();
  ASSERT_EQ(now.size(), good.size());
  for (size_t i = 0; i < now.size(); ++i)
    EXPECT_EQ(now[i].tensor.to_vector<double>(), good[i].tensor.to_vector<double>()) << now[i].name;
  EXPECT_THAT(error_of([&] { build_optimizer(named("sgd"), p)->load_state(good); }),
              AllOf(HasSubstr("momentum_buffer.fc.weight is missing"), HasSubstr("exp_avg.fc.weight is unexpected")));
}

}  // namespace
}  // namespace ghost
