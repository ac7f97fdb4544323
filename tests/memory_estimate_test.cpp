// Whether the memory that training takes is there, told before the first step.
#include "train/loop/memory_estimate.h"

#include <gmock/gmock.h>

#include "nn/models/registry.h"
#include "support/modules.h"

namespace ghost {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kMiB = 1 << 20;

// 10 MiB, and 8 for each image of a micro-batch.
MemoryVerdict verdict(int64_t batch, int64_t accumulate, int64_t available) {
  TrainConfig train;
  train.batch_size = batch, train.accumulate = accumulate;
  return compare_memory([&](int64_t a) { return (10 + 8 * (batch / a)) * kMiB; }, train,
                        {available * kMiB, "the control group /box"});
}

TEST(CompareMemory, IsSilentWhereThereIsEnough) {
  const MemoryVerdict found = verdict(16, 1, 1000);
  EXPECT_EQ(found.warning + found.refusal, "");
}

TEST(CompareMemory, WarnsNearTheLimitAndRefusesFarBeyond) {
  const MemoryVerdict close = verdict(16, 1, 140);
  EXPECT_EQ(close.refusal, "");
  EXPECT_EQ(
      close.warning,
      "training needs about 138 MiB of memory, and 140 MiB are available (the control group /box); train.accumulate "
      "2, which trains the batch of 16 in parts of 8, would need about 74 MiB");
  const MemoryVerdict far = verdict(16, 1, 60);
  EXPECT_EQ(far.warning, "");
  EXPECT_THAT(far.refusal, AllOf(HasSubstr("138 MiB"), HasSubstr("train.accumulate 4")));
  EXPECT_THAT(verdict(16, 4, 40).warning, HasSubstr("train.accumulate 8")) << "from where it is";
  EXPECT_THAT(verdict(16, 1, 5).refusal, HasSubstr("a smaller network or data.image_size"));
}

TEST(CheckMemory, KnowsWhatAModelTakesAndLeavesItAsItWas) {
  Config config;
  config.model.name = "plain_cnn", config.model.channels = {16, 16};
  config.train.batch_size = 64;
  const ModulePtr model = build_model(config.model, 1);
  const auto values = [&] {
    std::vector<double> all;
    for (const Parameter& p : model->parameters())
      for (const double v : p.tensor.to_vector<double>()) all.push_back(v);
    for (const Buffer& b : model->buffers())
      for (const double v : b.tensor.to_vector<double>()) all.push_back(v);
    return all;
  };
  const std::vector<double> before = values();
  const Shape image{32, 32, config.model.in_channels};
  const auto checked = [&](int64_t mebibytes) {
    return check_memory(*model, image, config, {mebibytes * kMiB, "MemAvailable"});
  };
  EXPECT_EQ(checked(100'000).warning + checked(100'000).refusal, "");
  EXPECT_THAT(checked(4).refusal, HasSubstr("4 MiB are available (MemAvailable)"));
  // Somewhere between them is the limit, and it is measured there.
  int64_t least = 4, enough = 100'000;
  while (enough - least > 1) {
    const int64_t middle = (least + enough) / 2;
    const MemoryVerdict found = checked(middle);
    (found.warning.empty() && found.refusal.empty() ? enough : least) = middle;
  }
  EXPECT_GT(enough, 30);
  EXPECT_LT(enough, 200);
  EXPECT_EQ(values(), before);
  for (const Parameter& p : model->parameters()) EXPECT_FALSE(p.tensor.grad().defined()) << p.name;
}

TEST(CheckMemory, AParameterThatDoesNotFitIsRefusedBeforeItIsMade) {
  Config config;
  config.model.name = "plain_cnn", config.model.channels = {1'000'000, 1'000'000};
  EXPECT_THAT(test::error_of([&] { build_model(config.model, 1); }), AllOf(HasSubstr("MiB"), HasSubstr("available")));
}

}  // namespace
}  // namespace ghost
