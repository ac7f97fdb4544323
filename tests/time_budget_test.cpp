// train.hours: how a run is laid out by time, and that it goes through all of its schedule.
#include "train/run/time_budget.h"

#include <cmath>
#include <gmock/gmock.h>

#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/room.h"
#include "train/loop/trainer.h"
#include "train/run/patience.h"
#include "train/run/resume.h"

namespace ghost {
namespace {

using test::error_of;
using test::Notebook;
using test::Room;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(RunLayout, ARunAsLongAsItsCurvesTakesEveryStepOfThem) {
  const RunLayout layout{.hours = 1, .curve = 1237, .end = 1237};
  for (int64_t step = 0; step < 1237; ++step) EXPECT_EQ(layout.curve_step(step), step);
  RunLayout again = layout;
  again.step = 611, again.position = 611;
  for (int64_t step = 611; step < 1237; ++step) EXPECT_EQ(again.curve_step(step), step);
}

TEST(RunLayout, TheRestOfTheCurveIsSpreadOverTheRestOfTheRun) {
  RunLayout layout{.hours = 1, .seconds = 1800, .step_seconds = 4, .curve = 1000, .end = 1000};
  layout = laid_out_again(layout, 500, 100000);
  EXPECT_EQ(layout.end, 950) << "1800 s of 4 s";
  EXPECT_EQ(layout.curve_step(500), 500) << "no jump";
  EXPECT_EQ(layout.curve_step(725), 750);
  EXPECT_EQ(layout.curve_step(949), 998);
  EXPECT_EQ(layout.curve_step(950), 999) << "past the end the last one";
  for (int64_t step = 501; step < 950; ++step) EXPECT_GE(layout.curve_step(step), layout.curve_step(step - 1));
}

TEST(RunLayout, TestsOnTheWayAndAtTheEndTakeTheirTime) {
  const RunLayout layout{.hours = 100.0 / 3600, .step_seconds = 1, .test_seconds = 5};
  EXPECT_EQ(steps_that_fit(layout, 0, 1000), 95) << "one test, at the end";
  EXPECT_EQ(steps_that_fit(layout, 0, 10), 65) << "65 steps, six tests and the last";
  EXPECT_EQ(steps_that_fit(layout, 50, 10), 115);
  RunLayout with_page = layout;
  with_page.end_seconds = 5;
  EXPECT_EQ(steps_that_fit(with_page, 0, 1000), 90);
  RunLayout over = layout;
  over.seconds = 200;
  EXPECT_EQ(steps_that_fit(over, 40, 10), 40) << "nothing more";
  EXPECT_EQ(steps_that_fit(over, 0, 10), 1) << "but one step there always is";
}

// A machine whose steps take what `seconds_of` says, without a clock.
RunLayout simulated(double hours, double guess, const std::function<double(int64_t step)>& seconds_of, double test) {
  constexpr int64_t kBetweenTests = 100;
  RunLayout layout{.hours = hours, .step_seconds = guess, .test_seconds = test};
  layout.curve = layout.end = steps_that_fit(layout, 0, kBetweenTests);
  double window = 0;
  int64_t step = 0, steps = 0;
  while (step < layout.end) {
    const double took = seconds_of(step++);
    layout.seconds += took, window += took, ++steps;
    const bool tested = step % kBetweenTests == 0 || step >= layout.end;
    if (tested) layout.seconds += test;
    if (step >= layout.end) break;
    if (!tested && window < until_next_layout(layout)) continue;
    layout.step_seconds = window / static_cast<double>(steps);
    layout = laid_out_again(layout, step, kBetweenTests);
    window = 0, steps = 0;
  }
  return layout;
}

TEST(RunLayout, StaysWithinThreePercentWhenTheMachineBecomesSlower) {
  const auto steady = [](int64_t) { return 0.5; };
  const auto twice_as_slow = [](int64_t step) { return step < 2000 ? 0.5 : 1.0; };
  const auto faster = [](int64_t step) { return step < 500 ? 1.0 : 0.25; };
  const auto restless = [](int64_t step) { return 0.5 + 0.4 * std::sin(static_cast<double>(step) / 40); };
  for (const auto& machine : {std::function<double(int64_t)>(steady), std::function<double(int64_t)>(twice_as_slow),
                              std::function<double(int64_t)>(faster), std::function<double(int64_t)>(restless)})
    for (const double guess : {0.1, 0.5, 3.0}) {
      const RunLayout end = simulated(1, guess, machine, 4);
      EXPECT_NEAR(end.seconds, 3600, 0.03 * 3600) << "first guess " << guess;
      EXPECT_EQ(end.curve_step(end.end), end.curve - 1);
    }
}

TEST(TimeBudget, ARunGoesThroughAllOfItsScheduleAndIsOver) {
  const Room room;
  Notebook notebook;
  const std::vector<std::string> sets{"train.hours=0.0004", "train.epochs=auto", "train.eval_every=1000"};
  Trainer trainer(room.config(sets), {&notebook});
  const RunDir dir = room.run_dir("run");
  const RunEnd end = trainer.run(dir);
  EXPECT_FALSE(end.interrupted);
  ASSERT_TRUE(trainer.progress().layout);
  EXPECT_EQ(end.step, trainer.progress().layout->end);
  EXPECT_EQ(std::ssize(notebook.steps), end.step) << "those that were measured are not told of";
  EXPECT_DOUBLE_EQ(notebook.steps.front().lr, room.config().optimizer.lr);
  EXPECT_LT(notebook.steps.back().lr, 0.05 * notebook.steps.front().lr) << "cosine has fallen";
  EXPECT_TRUE(notebook.epochs.back().tested) << "wherever in its epoch it ends";
  EXPECT_EQ(end.test.count, 40);

  const Checkpoint last = read_checkpoint(dir.last());
  EXPECT_TRUE(has_ended(last.config.train, last.progress));
  const LoadedConfig longer = resumed_config(last, "", {"train.hours=0.0008"});
  EXPECT_FALSE(has_ended(longer.config.train, last.progress));
  EXPECT_THAT(change_of_schedule(last.config, longer.config, last.progress, 6), HasSubstr("0.0004 h"));
  Trainer further(longer.config, {});
  further.restore(last);
  EXPECT_GT(further.run(dir).step, end.step);
  EXPECT_THAT(error_of([&] {
                resumed_config(last, "", {"train.hours=0", "train.epochs=3"});
              }),
              HasSubstr("begun with train.hours"));
}

// Where time does not change its length, a run by time has the bits of one by epochs.
TEST(TimeBudget, WhatWasMeasuredLeavesNoTrace) {
  const Room room;
  const std::vector<std::string> sets{"train.eval_every=1000", "train.lookahead.steps=2", "train.lookahead.ramp=1"};
  std::vector<std::string> by_epochs = sets, by_time = sets;
  by_epochs.emplace_back("train.epochs=2");
  by_time.insert(by_time.end(), {"train.epochs=auto", "train.hours=1"});
  Trainer usual(room.config(by_epochs), {});
  usual.run(room.run_dir("epochs"));

  Trainer begun(room.config(by_time), {});
  int64_t asked = 0;
  const RunDir dir = room.run_dir("time");
  EXPECT_TRUE(begun.run(dir, [&] { return begun.progress().layout && asked++ >= 0; }).interrupted);
  Checkpoint checkpoint = read_checkpoint(dir.last());
  ASSERT_EQ(checkpoint.progress.step, 1);
  // As if the rest of the hour had time for 11 more steps.
  checkpoint.progress.layout =
      RunLayout{.hours = 1, .step_seconds = 3600 / 11.5, .curve = 12, .step = 0, .position = 0, .end = 12};
  Trainer timed(room.config(by_time), {});
  timed.restore(checkpoint);
  EXPECT_EQ(timed.run(dir).step, 12);
  const std::vector<NamedTensor> a = state_dict(usual.model()), b = state_dict(timed.model());
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(a[i].tensor.to_vector<double>(), b[i].tensor.to_vector<double>()) << a[i].name;
}

TEST(TimeBudget, HasOneLength) {
  const Room room;
  EXPECT_THAT(error_of([&] {
                room.config({"train.hours=1", "train.epochs=3"});
              }),
              AllOf(HasSubstr("train.hours is 1"), HasSubstr("train.epochs is 3"), HasSubstr("train.epochs: auto")));
  EXPECT_THAT(error_of([&] {
                room.config({"train.hours=1", "train.epochs=auto", "schedule.epochs=3"});
              }),
              HasSubstr("schedule.epochs is 3, but must be 0 with train.hours"));
  EXPECT_THAT(error_of([&] { room.config({"train.hours=-1", "train.epochs=auto"}); }), HasSubstr("at least 0"));
  const Config config = room.config({"train.hours=1", "train.epochs=auto"});
  const Config again = load_config_text(config_to_yaml(config), "printed", {}).config;
  EXPECT_EQ(again.train.hours, 1);
  EXPECT_FALSE(again.train.epochs_set);
}

TEST(TimeBudget, CheckpointsOfRunsByEpochsSayNothingOfIt) {
  EXPECT_FALSE(json_of(Progress{}).contains("layout"));
  Progress timed;
  timed.layout = RunLayout{.hours = 2, .curve = 7, .end = 9};
  Progress read;
  read_json(json_of(timed), "", read);
  EXPECT_EQ(read, timed);
  read_json(json_of(Progress{}), "", read);
  EXPECT_FALSE(read.layout);
}

}  // namespace
}  // namespace ghost
