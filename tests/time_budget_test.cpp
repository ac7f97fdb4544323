// Runs that are as long as their time allows, without a clock.
#include "train/loop/time_budget.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ghost {
namespace {

TEST(TimeBudget, AsManyStepsAsFitWithTheirTests) {
  // 100 steps of a second; a test of 5 seconds after every 20 steps and at the end.
  const RunPace pace{.seconds_left = 100, .seconds_per_step = 1, .seconds_per_test = 5, .steps_per_epoch = 20};
  const RunLayout layout = lay_out({}, 0, pace);
  EXPECT_EQ(layout.steps, 80);  // 80 + 4 tests
  EXPECT_EQ(
      lay_out({}, 0, {.seconds_left = 99, .seconds_per_step = 1, .seconds_per_test = 5, .steps_per_epoch = 20}).steps,
      79);  // 79 + 3 tests + the one at the end
  EXPECT_EQ(lay_out({}, 0, {.seconds_left = 100, .seconds_per_step = 1, .steps_per_epoch = 7}).steps, 100);
  EXPECT_EQ(lay_out({}, 0, {.seconds_left = 0.1, .seconds_per_step = 1, .steps_per_epoch = 7}).steps, 1);
}

TEST(TimeBudget, TheShareGoesOnFromWhereItIs) {
  const RunLayout first = lay_out({}, 0, {.seconds_left = 100, .seconds_per_step = 1, .steps_per_epoch = 1000});
  EXPECT_EQ(first.share_at(0), 0);
  EXPECT_DOUBLE_EQ(first.share_at(25), 0.25);
  // Half as fast from there on.
  const RunLayout second = lay_out(first, 25, {.seconds_left = 75, .seconds_per_step = 2, .steps_per_epoch = 1000});
  EXPECT_EQ(second.steps, 37);
  EXPECT_DOUBLE_EQ(second.share_at(25), 0.25);
  EXPECT_NEAR(second.share_at(26), 0.25 + 0.75 / 37, 1e-12);
  EXPECT_DOUBLE_EQ(second.share_at(second.end()), 1);
  EXPECT_EQ(second.share_at(second.end() + 5), 1);
}

// Whatever the speed does, a run that is laid out again now and then ends on time.
TEST(TimeBudget, IsKeptWhenTheSpeedChanges) {
  for (const double later : {0.3, 1.0, 3.0}) {
    const double budget = 3600, test = 4;
    const int64_t epoch = 100;
    double clock = 0, since = 0;
    int64_t step = 0;
    RunLayout layout = lay_out({}, 0, {budget, 1, test, epoch, 1});
    double recent = 0;
    int64_t recent_steps = 0;
    while (step < layout.end()) {
      const double taken = clock < budget / 2 ? 1 : later;
      clock += taken, recent += taken, ++recent_steps, ++step;
      if (step % epoch == 0) clock += test;
      if (clock - since < 0.02 * budget) continue;
      layout = lay_out(layout, step, {budget - clock, recent / static_cast<double>(recent_steps), test, epoch, 1});
      since = clock, recent = 0, recent_steps = 0;
    }
    if (step % epoch != 0) clock += test;
    EXPECT_NEAR(clock, budget, 0.01 * budget) << later;
    EXPECT_DOUBLE_EQ(layout.share_at(step), 1);
  }
}

}  // namespace
}  // namespace ghost
