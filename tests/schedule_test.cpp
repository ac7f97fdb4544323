// Curves by their definition; PyTorch's values are checked by reference_test.
#include "train/optim/schedule.h"

#include <cmath>
#include <gmock/gmock.h>

#include "support/modules.h"
#include "train/optim/plateau.h"

namespace ghost {
namespace {

using test::error_of;
using testing::HasSubstr;

constexpr int64_t kEpochs = 10, kSteps = 7;  // steps per epoch

ScheduleConfig named(const std::string& name) {
  ScheduleConfig config;
  config.name = name;
  return config;
}
Schedule over_run(const ScheduleConfig& config, double lr = 0.1) {
  return make_schedule(config, lr, kEpochs * kSteps, kSteps);
}
double at_epoch(const Schedule& schedule, double epoch) {
  return schedule.at(std::llround(epoch * static_cast<double>(kSteps))).lr;
}

TEST(Schedule, ConstantStaysTheSame) {
  const Schedule schedule = over_run(named("constant"));
  for (const int64_t step : {0, 1, 69, 1000}) EXPECT_DOUBLE_EQ(schedule.at(step).lr, 0.1);
}

TEST(Schedule, CosineFallsFromTheFullRateToTheLowest) {
  ScheduleConfig config = named("cosine");
  config.min_lr = 0.02;
  const Schedule schedule = over_run(config);
  EXPECT_DOUBLE_EQ(schedule.at(0).lr, 0.1);
  EXPECT_NEAR(at_epoch(schedule, 5), 0.06, 1e-12);
  EXPECT_NEAR(at_epoch(schedule, 10), 0.02, 1e-12);
  EXPECT_NEAR(at_epoch(schedule, 15), 0.02, 1e-12) << "the end value stays";
  for (int64_t step = 0; step < 70; ++step) EXPECT_GT(schedule.at(step).lr, schedule.at(step + 1).lr);
}

TEST(Schedule, OfItsOwnLengthKeepsTheRateOfItsLastStep) {
  for (const ScheduleEntry& entry : schedule_table()) {
    for (const char* per : {"step", "epoch"}) {
      ScheduleConfig whole = named(entry.name);
      whole.milestones = {2};
      whole.per = per;
      ScheduleConfig part = whole;
      part.epochs = kEpochs;
      const Schedule as_long = over_run(whole), longer = make_schedule(part, 0.1, 3 * kEpochs * kSteps, kSteps);
      for (int64_t step = 0; step < 3 * kEpochs * kSteps; ++step) {
        const int64_t same = entry.endless ? step : std::min(step, kEpochs * kSteps - 1);
        ASSERT_DOUBLE_EQ(longer.at(step).lr, as_long.at(same).lr) << entry.name << " per " << per << ", step " << step;
        ASSERT_EQ(longer.at(step).momentum, as_long.at(same).momentum) << entry.name;
      }
    }
  }
}

TEST(Schedule, WarmupRisesLinearlyThenTheCurveFillsTheRest) {
  ScheduleConfig config = named("cosine");
  config.warmup = 2;
  config.warmup_factor = 0.1;
  const Schedule schedule = over_run(config);
  EXPECT_NEAR(at_epoch(schedule, 0), 0.01, 1e-12);
  EXPECT_NEAR(at_epoch(schedule, 1), 0.055, 1e-12);
  EXPECT_NEAR(at_epoch(schedule, 2), 0.1, 1e-12);
  EXPECT_NEAR(at_epoch(schedule, 6), 0.05, 1e-12) << "the middle of what is left";
  EXPECT_NEAR(at_epoch(schedule, 10), 0, 1e-12);
}

TEST(Schedule, WarmupOfEveryScheduleReachesTheFullRate) {
  for (const ScheduleEntry& entry : schedule_table()) {
    if (entry.name == "one_cycle") continue;  // starts below the full rate by itself
    ScheduleConfig config = named(entry.name);
    config.milestones = {8};
    config.warmup = 3;
    config.warmup_factor = 0;
    const Schedule schedule = over_run(config);
    EXPECT_EQ(schedule.at(0).lr, 0) << entry.name;
    EXPECT_NEAR(at_epoch(schedule, 1), 0.1 / 3, 1e-12) << entry.name;
    EXPECT_NEAR(at_epoch(schedule, 3), 0.1, 1e-12) << entry.name;
  }
}

TEST(Schedule, WarmupLongerThanTheRunOnlyRises) {
  ScheduleConfig config = named("cosine");
  config.warmup = 20;
  config.warmup_factor = 0.5;
  const Schedule schedule = over_run(config);
  EXPECT_NEAR(at_epoch(schedule, 0), 0.05, 1e-12);
  EXPECT_NEAR(at_epoch(schedule, 10), 0.075, 1e-12);
}

TEST(Schedule, PerEpochMovesAtEpochBoundariesOnly) {
  for (const ScheduleEntry& entry : schedule_table()) {
    ScheduleConfig config = named(entry.name);
    config.per = "epoch";
    config.warmup = 2;
    config.milestones = {4, 6};
    config.step_size = 3;
    config.period = 3;
    const Schedule by_epoch = over_run(config);
    // The same as one step per epoch.
    const Schedule one_step = make_schedule(config, 0.1, kEpochs, 1);
    for (int64_t step = 0; step < kEpochs * kSteps; ++step) {
      EXPECT_EQ(by_epoch.at(step).lr, one_step.at(step / kSteps).lr) << entry.name << " at step " << step;
      EXPECT_EQ(by_epoch.at(step).momentum, one_step.at(step / kSteps).momentum) << entry.name << " at step " << step;
    }
    if (entry.name != "constant" && entry.name != kPlateau) {  // which waits for tests
      EXPECT_NE(at_epoch(by_epoch, 2), at_epoch(by_epoch, 9)) << entry.name;
    }
  }
}

TEST(Schedule, StepDividesEveryFewEpochs) {
  ScheduleConfig config = named("step");
  config.step_size = 4;
  const Schedule schedule = over_run(config);
  EXPECT_DOUBLE_EQ(schedule.at(4 * kSteps - 1).lr, 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(4 * kSteps).lr, 0.01);
  EXPECT_NEAR(schedule.at(8 * kSteps).lr, 0.001, 1e-15);
}

TEST(Schedule, MilestonesAreEpochsOfTheRunWarmupOrNot) {
  ScheduleConfig config = named("multistep");
  config.milestones = {3, 6.5};
  config.gamma = 0.5;
  config.warmup = 2;
  const Schedule schedule = over_run(config);
  EXPECT_DOUBLE_EQ(schedule.at(3 * kSteps - 1).lr, 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(3 * kSteps).lr, 0.05);
  EXPECT_DOUBLE_EQ(schedule.at(45).lr, 0.05);  // 6.5 epochs are 45.5 steps
  EXPECT_DOUBLE_EQ(schedule.at(46).lr, 0.025);
}

TEST(Schedule, FractionsOfEpochsMeetWholeStepsInSpiteOfRounding) {
  ScheduleConfig config = named("multistep");
  config.milestones = {0.7};  // 0.7·390 = 273 up to rounding
  const Schedule schedule = make_schedule(config, 0.1, 3900, 390);
  EXPECT_DOUBLE_EQ(schedule.at(272).lr, 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(273).lr, 0.01);
}

TEST(Schedule, ExponentialMultipliesPerEpoch) {
  ScheduleConfig config = named("exponential");
  config.gamma = 0.5;
  const Schedule schedule = over_run(config);
  EXPECT_NEAR(at_epoch(schedule, 1), 0.05, 1e-12);
  EXPECT_NEAR(at_epoch(schedule, 3), 0.0125, 1e-12);
  EXPECT_GT(schedule.at(1).lr, 0.05) << "in small parts, with every step";
}

TEST(Schedule, PolynomialAndLinearEndWhereTheyShould) {
  ScheduleConfig config = named("polynomial");
  config.power = 2;
  EXPECT_NEAR(at_epoch(over_run(config), 5), 0.025, 1e-12);
  EXPECT_NEAR(at_epoch(over_run(config), 12), 0, 1e-12);
  config = named("linear");
  config.start_factor = 0.5;
  config.end_factor = 0.1;
  EXPECT_NEAR(at_epoch(over_run(config), 0), 0.05, 1e-12);
  EXPECT_NEAR(at_epoch(over_run(config), 5), 0.03, 1e-12);
  EXPECT_NEAR(at_epoch(over_run(config), 20), 0.01, 1e-12);
}

TEST(Schedule, CosineRestartsAfterEveryPeriod) {
  ScheduleConfig config = named("cosine_restarts");
  config.period = 2;
  config.period_factor = 2;  // 2, 4, 8, … epochs
  const Schedule schedule = over_run(config);
  for (const double start : {0, 2, 6, 14, 30}) EXPECT_NEAR(at_epoch(schedule, start), 0.1, 1e-12) << start;
  EXPECT_NEAR(at_epoch(schedule, 1), 0.05, 1e-12);
  EXPECT_NEAR(at_epoch(schedule, 4), 0.05, 1e-12);
  EXPECT_LT(schedule.at(2 * kSteps - 1).lr, 0.002);
  config.period_factor = 1;
  for (const double start : {0, 2, 4, 6, 20}) EXPECT_NEAR(at_epoch(over_run(config), start), 0.1, 1e-12) << start;
}

TEST(Schedule, OneCycleRisesThenFallsWithMomentumAgainstIt) {
  ScheduleConfig config = named("one_cycle");
  config.pct_start = 0.3;
  const Schedule schedule = over_run(config, 0.5);
  const int64_t peak = 20, last = 69;  // 0.3·70 − 1, 70 − 1
  EXPECT_NEAR(schedule.at(0).lr, 0.5 / 25, 1e-12);
  EXPECT_NEAR(schedule.at(peak).lr, 0.5, 1e-12);
  EXPECT_NEAR(schedule.at(last).lr, 0.5 / 25 / 1e4, 1e-12);
  EXPECT_NEAR(schedule.at(0).momentum.value(), 0.95, 1e-12);
  EXPECT_NEAR(schedule.at(peak).momentum.value(), 0.85, 1e-12);
  EXPECT_NEAR(schedule.at(last).momentum.value(), 0.95, 1e-12);
  for (int64_t step = 0; step < last; ++step)
    EXPECT_EQ(schedule.at(step).lr < schedule.at(step + 1).lr, step < peak) << step;

  config.cycle_momentum = false;
  EXPECT_FALSE(over_run(config).at(3).momentum.has_value());
  config.max_lr = 0.2;
  EXPECT_NEAR(over_run(config).at(peak).lr, 0.2, 1e-12) << "max_lr, not optimizer.lr";
}

TEST(Schedule, OneCycleInThreePhasesReturnsAsItCame) {
  ScheduleConfig config = named("one_cycle");
  config.pct_start = 0.3;
  config.three_phase = true;
  config.anneal = "linear";
  const Schedule schedule = over_run(config, 0.5);
  for (int64_t step = 0; step <= 20; ++step) {
    EXPECT_NEAR(schedule.at(40 - step).lr, schedule.at(step).lr, 1e-12) << step;
    EXPECT_NEAR(schedule.at(40 - step).momentum.value(), schedule.at(step).momentum.value(), 1e-12) << step;
  }
  EXPECT_NEAR(schedule.at(69).lr, 0.5 / 25 / 1e4, 1e-12);
  EXPECT_NEAR(schedule.at(55).momentum.value(), 0.95, 1e-12);
}

TEST(Schedule, RunsOfOneStepHaveFiniteRates) {
  for (const ScheduleEntry& entry : schedule_table())
    for (const double pct_start : {0.0, 0.3, 1.0})
      for (const double warmup : {0.0, 1.0})
        for (const int64_t steps : {1, 2, 3}) {
          ScheduleConfig config = named(entry.name);
          config.pct_start = pct_start;
          config.warmup = warmup;
          config.three_phase = steps == 2;
          const Schedule schedule = make_schedule(config, 0.1, steps, steps);
          for (int64_t step = 0; step < steps + 2; ++step) {
            const ScheduleValue value = schedule.at(step);
            EXPECT_TRUE(value.lr >= 0 && value.lr <= 0.1 + 1e-12) << entry.name << " " << steps << " " << value.lr;
            EXPECT_TRUE(!value.momentum || (*value.momentum >= 0.85 - 1e-12 && *value.momentum <= 0.95 + 1e-12));
          }
        }
}

TEST(Schedule, RefusesWhatItCannotDo) {
  EXPECT_THAT(error_of([] { over_run(named("cosin")); }), HasSubstr("did you mean 'cosine'?"));
  EXPECT_THAT(error_of([] { make_schedule(named("cosine"), 0.1, 0, 1); }), HasSubstr("at least one step"));
  EXPECT_THAT(error_of([] { make_schedule(named("cosine"), 0, 10, 1); }), HasSubstr("the base rate is 0"));
  EXPECT_THAT(error_of([] { over_run(named("cosine")).at(-1); }), HasSubstr("step -1"));
  ScheduleConfig config = named("cosine_restarts");
  config.period_factor = 0.5;
  EXPECT_THAT(error_of([&] { over_run(config); }), HasSubstr("period_factor is 0.5"));
  config = named("step");
  config.step_size = 0;
  EXPECT_THAT(error_of([&] { over_run(config); }), HasSubstr("step_size is 0"));
}

ScheduleConfig plateau_config() {
  ScheduleConfig config = named(kPlateau);
  config.factor = 0.5;
  config.patience = 1;
  config.threshold = 0;
  return config;
}

TEST(PlateauSchedule, FallsAfterMoreTestsWithoutImprovementThanItIsPatient) {
  Plateau plateau(plateau_config(), 0.1);
  std::vector<double> rates;
  for (const double top1 : {50, 60, 60, 59, 60, 61, 60, 60}) {
    plateau.tested(1, top1);
    rates.push_back(plateau.lr());
  }
  EXPECT_THAT(rates, testing::ElementsAre(0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025));
}

TEST(PlateauSchedule, LossMustFall) {
  ScheduleConfig config = plateau_config();
  config.metric = "loss";
  config.threshold = 0.1;
  config.patience = 0;
  Plateau plateau(config, 0.1);
  plateau.tested(2, 10);
  plateau.tested(1.79, 10);
  EXPECT_EQ(plateau.lr(), 0.1);
  plateau.tested(1.7, 90);
  EXPECT_EQ(plateau.lr(), 0.05) << "less than a tenth lower";
  config.threshold_mode = "abs";
  Plateau absolute(config, 0.1);
  absolute.tested(0.5, 10);
  absolute.tested(0.41, 10);
  EXPECT_EQ(absolute.lr(), 0.05);
}

TEST(PlateauSchedule, DoesNotFallBelowTheLowestRate) {
  ScheduleConfig config = plateau_config();
  config.patience = 0;
  config.min_lr = 0.04;
  Plateau plateau(config, 0.1);
  for (int i = 0; i < 5; i++) plateau.tested(1, 10);
  EXPECT_EQ(plateau.lr(), 0.04);
}

TEST(PlateauSchedule, GoesOnFromItsState) {
  const std::vector<double> accuracies{50, 50, 50, 51, 51, 50, 50, 50, 49, 52, 52, 52, 52};
  ScheduleConfig config = plateau_config();
  config.cooldown = 1;
  Plateau whole(config, 0.1);
  std::vector<NamedTensor> state = whole.state();
  for (const double top1 : accuracies) {
    Plateau resumed(config, 0.7);
    resumed.load_state(state);
    resumed.tested(1, top1);
    whole.tested(1, top1);
    EXPECT_EQ(resumed.lr(), whole.lr());
    state = resumed.state();
  }
  EXPECT_EQ(whole.lr(), 0.1 / 16);
}

TEST(PlateauSchedule, RefusesAStateThatIsNone) {
  Plateau plateau(plateau_config(), 0.1);
  std::vector<NamedTensor> state = plateau.state();
  state.erase(state.begin());
  EXPECT_THAT(test::error_of([&] { plateau.load_state(state); }), testing::HasSubstr("has no lr"));
  state.insert(state.begin(), {"lr", Tensor::from(std::vector<double>{-1}, {})});
  EXPECT_THAT(test::error_of([&] { plateau.load_state(state); }), testing::HasSubstr("lr of the plateau schedule"));
  EXPECT_EQ(plateau.lr(), 0.1);
}

TEST(PlateauSchedule, WarmsUpToItsRate) {
  ScheduleConfig config = plateau_config();
  config.warmup = 2;
  config.warmup_factor = 0;
  const Schedule schedule = over_run(config);
  EXPECT_NEAR(schedule.at(kSteps, 0.05).lr, 0.025, 1e-12);
  EXPECT_EQ(schedule.at(2 * kSteps, 0.05).lr, 0.05);
  EXPECT_TRUE(schedule.is_warming_up(2 * kSteps - 1));
  EXPECT_FALSE(schedule.is_warming_up(2 * kSteps));
}

}  // namespace
}  // namespace ghost
