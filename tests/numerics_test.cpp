// train.numerics: exact leaves out the kernels that are not sums of products, and changes results by rounding only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/kernels/conv2d.h"
#include "core/ops/conv2d.h"
#include "core/ops/cross_entropy.h"
#include "nn/models/registry.h"
#include "support/kernels.h"
#include "support/modules.h"
#include "support/programs.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/loop/trainer.h"

namespace ghost {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::Each;
using testing::Not;

const auto kWinograd = AnyOf("forward winograd", "backward winograd");

struct Step {
  std::vector<std::string> kernels;
  std::vector<double> logits;
  std::vector<std::vector<double>> gradients;
};
// One training step of a ResNet-20 from its initial values, in f64: in f32 rounding moves values across the kinks of
// ReLU, and then gradients differ by more than rounding.
Step resnet_step(Numerics numerics) {
  const test::NumericsSetting setting(numerics);
  const test::Watch watch;
  const ModulePtr model = build_model({.name = "resnet", .depth = 20}, 1);
  model->to(DType::f64);
  const Tensor logits = (*model)(test::random_tensor({4, 32, 32, 3}, 1, DType::f64));
  cross_entropy(logits, Tensor::from<int64_t>({0, 1, 2, 3}, {4})).backward();
  Step step{watch.seen, logits.to_vector<double>(), {}};
  for (const Parameter& p : model->parameters()) step.gradients.push_back(p.tensor.grad().to_vector<double>());
  return step;
}

TEST(Numerics, ExactRunsNoConvolutionByWinograd) {
  const Step fast = resnet_step(Numerics::fast), exact = resnet_step(Numerics::exact);
  ASSERT_THAT(fast.kernels, Contains(kWinograd));
  EXPECT_EQ(exact.kernels.size(), fast.kernels.size());
  EXPECT_THAT(exact.kernels, Each(Not(kWinograd)));
  EXPECT_NE(fast.logits, exact.logits);
  test::expect_close(fast.logits, exact.logits, 1e-11, "logits");
  for (size_t i = 0; i < fast.gradients.size(); i++)
    test::expect_close(fast.gradients[i], exact.gradients[i], 1e-10, "gradient");
}

TEST(Numerics, AForcedKernelRunsAllTheSame) {
  const test::NumericsSetting exact(Numerics::exact);
  const test::Kernel forced("winograd");
  const test::Watch watch;
  conv2d(test::random_tensor({1, 8, 8, 16}, 1), test::random_tensor({16, 3, 3, 16}, 2), {}, {.padding = {1, 1}});
  EXPECT_THAT(watch.seen, testing::ElementsAre("forward winograd"));
}

TEST(Numerics, ARunTakesThemFromItsConfigurationAndItsCheckpointKeepsThem) {
  const test::TempDir dir;
  test::write_tiny_idx(dir / "data");
  const test::NumericsSetting afterwards(Numerics::fast);
  const auto kernels = [&](const Config& config, const std::string& run) {
    const test::Watch watch;
    Trainer(config, {}).run(RunDir::create((dir / run).string(), "tiny"));
    return watch.seen;
  };
  const auto config = [&](const char* numerics) {
    return load_config_text(test::tiny_config(dir / "data"), "tiny.yaml",
                            {"model.channels=[16, 16]", "train.epochs=1", std::string("train.numerics=") + numerics})
        .config;
  };
  EXPECT_THAT(kernels(config("exact"), "exact"), Each(Not(kWinograd)));
  EXPECT_THAT(kernels(config("fast"), "fast"), Contains(kWinograd));
  const Checkpoint checkpoint = read_checkpoint(dir / "exact/checkpoints/last.safetensors");
  EXPECT_EQ(checkpoint.config.train.numerics, "exact");
  EXPECT_THAT(kernels(checkpoint.config, "again"), Each(Not(kWinograd)));
}

}  // namespace
}  // namespace ghost
