// What is checked before the first step.
#include "train/loop/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/modules.h"
#include "support/room.h"
#include "train/loop/trainer.h"

namespace ghost {
namespace {

using test::error_of;
using test::Notebook;
using test::Room;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Preflight, WarnsOfMapsOfOnePixel) {
  const Room room({.size = 32});
  const auto warnings = [&](const char* stem_stride) {
    Notebook notebook;
    Trainer trainer(
        room.config({"model.name=ghostnet", "model.width=0.1", std::string("model.stem_stride=") + stem_stride}),
        {&notebook});
    trainer.check();
    return notebook.warnings;
  };
  EXPECT_THAT(warnings("2"),
              ElementsAre(AllOf(HasSubstr("1×1 pixels"), HasSubstr("blocks."), HasSubstr("stem_stride"))));
  EXPECT_THAT(warnings("1"), ElementsAre());
}

TEST(Preflight, WarnsOfALastBatchOfOneAndRefusesItWhereItCannotBeNormalised) {
  const Room room({.train = 33, .size = 16});
  Notebook notebook;
  Trainer small(room.config(), {&notebook});
  EXPECT_EQ(notebook.warnings.size(), 0U);
  small.check();
  EXPECT_THAT(notebook.warnings, ElementsAre(AllOf(HasSubstr("one image"), HasSubstr("15 or 17"))));
  // At 16×16 GhostNet's last stages are single pixels.
  Trainer single(room.config({"model.name=ghostnet", "model.width=0.1"}), {});
  EXPECT_THROW(single.check(), UsageError);
  EXPECT_THAT(error_of([&] { single.check(); }), AllOf(HasSubstr("blocks."), HasSubstr("train.batch_size 15 or 17")));
}

TEST(Preflight, ModelFollowsTheDataUnlessSet) {
  const Room room;
  const auto shape = [&](const std::vector<std::string>& overrides) {
    const Config config = room.config(overrides);
    const DataSplits data = open_data(data_config(config), 0);
    const ModelConfig model = model_config(config, data);
    return std::pair(model.in_channels, model.num_classes);
  };
  EXPECT_EQ(shape({}), std::pair(int64_t{1}, int64_t{4}));
  EXPECT_EQ(shape({"model.num_classes=7"}).second, 7);
  EXPECT_THAT(error_of([&] { shape({"model.num_classes=3"}); }), AllOf(HasSubstr("num_classes is 3"), HasSubstr("4")));
}

TEST(Preflight, AccumulateDividesTheBatch) {
  TrainConfig train;
  train.batch_size = 128;
  train.accumulate = 4;
  EXPECT_EQ(micro_batch_size(train), 32);
  train.accumulate = 6;
  EXPECT_THAT(error_of([&] { micro_batch_size(train); }), AllOf(HasSubstr("4 and 8"), HasSubstr("128")));
  train.batch_size = 7;
  EXPECT_THAT(error_of([&] { micro_batch_size(train); }), HasSubstr("1 and 7"));
}

}  // namespace
}  // namespace ghost
