// ghost-train --find-lr: the sweep, what is suggested, and the page.
#include "train/loop/find_lr.h"

#include <cmath>
#include <csignal>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/room.h"

namespace ghost {
namespace {

using test::Finished;
using test::Notebook;
using test::Room;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

// A curve of 100 steps from 1e-7 to 10 with these smoothed losses.
LrCurve curve_of(const std::function<double(int64_t)>& smoothed, int64_t points = 100) {
  LrCurve curve;
  for (int64_t i = 0; i < points; ++i) curve.points.push_back({.lr = rate_of({}, i), .smoothed = smoothed(i)});
  return curve;
}

TEST(FindLr, RatesGrowByOneFactorAndMeetBothEnds) {
  const LrSweep sweep{.from = 1e-3, .to = 8, .steps = 40};
  EXPECT_EQ(rate_of(sweep, 0), 1e-3);
  EXPECT_EQ(rate_of(sweep, 39), 8);
  const double factor = std::pow(8 / 1e-3, 1.0 / 39);
  for (int64_t i = 1; i < 40; ++i) EXPECT_NEAR(rate_of(sweep, i) / rate_of(sweep, i - 1), factor, 1e-12 * factor) << i;
}

TEST(FindLr, SuggestsTheMiddleOfTheValleyAndTheSteepestPlace) {
  // Flat to 40, down to 70, steepest from 50 to 51, and up again.
  const auto loss = [](int64_t i) {
    if (i <= 40) return 2.0;
    if (i <= 50) return 2.0 - 0.01 * static_cast<double>(i - 40);
    if (i <= 70) return 1.7 - 0.01 * static_cast<double>(i - 51);
    return 1.51 + 0.1 * static_cast<double>(i - 70);
  };
  const auto found = suggest_lr(curve_of(loss), 100);
  ASSERT_TRUE(found);
  // The fall is of 31 points, from 40 to 70; fast.ai's valley() gives 39 + 10 + 5.
  EXPECT_DOUBLE_EQ(found->valley, rate_of({}, 54));
  EXPECT_DOUBLE_EQ(found->steepest, rate_of({}, 50));
  EXPECT_FALSE(found->falls_on);
}

TEST(FindLr, LeavesOutTheFirstTenthAndTheLastFive) {
  const auto loss = [](int64_t i) {
    if (i < 10 || i >= 95) return 100.0 - static_cast<double>(i);  // would be the steepest
    return i < 50 ? 1.0 : 1.0 - 0.001 * static_cast<double>(i - 49);
  };
  const auto found = suggest_lr(curve_of(loss), 100);
  ASSERT_TRUE(found);
  EXPECT_GE(found->steepest, rate_of({}, 49));
  EXPECT_LT(found->steepest, rate_of({}, 95));
}

TEST(FindLr, SuggestsNothingWhereTheLossDoesNotFall) {
  EXPECT_FALSE(suggest_lr(curve_of([](int64_t i) { return 1 + 0.01 * static_cast<double>(i); }), 100));
  EXPECT_FALSE(suggest_lr(curve_of([](int64_t) { return 1.0; }), 100));
  EXPECT_FALSE(suggest_lr(curve_of([](int64_t i) { return -static_cast<double>(i); }, 15), 100)) << "too few";
  const auto falls = suggest_lr(curve_of([](int64_t i) { return -static_cast<double>(i); }), 100);
  ASSERT_TRUE(falls);
  EXPECT_TRUE(falls->falls_on);
}

TEST(FindLr, IsAFunctionOfTheSeedAndNotOfTheScheduleOrThreads) {
  const Room room;
  const auto sweep = [&](const Words& more) {
    Trainer trainer(room.config(more), {});
    std::vector<double> losses;
    for (const LrPoint& p : find_lr(trainer, {.from = 1e-4, .to = 1, .steps = 20}).points) losses.push_back(p.loss);
    return losses;
  };
  const std::vector<double> usual = sweep({});
  EXPECT_EQ(usual.size(), 20U) << "more than the six steps of an epoch";
  EXPECT_EQ(sweep({}), usual);
  EXPECT_EQ(sweep({"schedule.name=one_cycle", "optimizer.lr=3"}), usual);
  EXPECT_EQ(sweep({"schedule.warmup=1"}), usual);
  EXPECT_EQ(sweep({"run.threads=2", "data.workers=3"}), usual);
  EXPECT_NE(sweep({"run.seed=4"}), usual);
}

// Every step takes its own rate: a training whose schedule is that sweep gives the same losses. An epoch has six.
TEST(FindLr, TrainsLikeARunWithTheseRates) {
  const Room room;
  Trainer sweeper(room.config(), {});
  const double gamma = 1.5;
  const LrSweep sweep{.from = 0.001, .to = 0.001 * std::pow(gamma, 19), .steps = 20};
  const LrCurve curve = find_lr(sweeper, sweep);
  Notebook notebook;
  Trainer(room.config({"train.epochs=4", "train.log_every=1", "optimizer.lr=0.001", "schedule.name=exponential",
                       "schedule.per=step", "schedule.gamma=11.390625"}),
          {&notebook})
      .run(room.run_dir("run"));
  ASSERT_GE(notebook.steps.size(), 20U);
  ASSERT_EQ(curve.points.size(), 20U);
  double mean = 0, weight = 0;
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_NEAR(curve.points[i].lr, notebook.steps[i].lr, 1e-9);
    EXPECT_NEAR(curve.points[i].loss, notebook.steps[i].window.loss(), 1e-4) << i;
    const double kept = 0.9039207968;  // 0.98^5: a fifth of the steps that fast.ai takes
    mean = kept * mean + (1 - kept) * curve.points[i].loss, weight = kept * weight + (1 - kept);
    EXPECT_NEAR(curve.points[i].smoothed, mean / weight, 1e-9);
  }
}

TEST(FindLr, EndsWhereTheLossBreaksAway) {
  const Room room;
  Trainer trainer(room.config(), {});
  const LrCurve curve = find_lr(trainer, {.from = 1e-5, .to = 1e6, .steps = 60});
  EXPECT_THAT(curve.end, testing::AnyOf(SweepEnd::diverged, SweepEnd::not_finite));
  EXPECT_LT(curve.points.size(), 60U);
  int64_t asked = 0;
  Trainer another(room.config(), {});
  EXPECT_EQ(find_lr(another, {}, [&](const LrPoint&) { return ++asked < 7; }).end, SweepEnd::stopped);
  EXPECT_EQ(asked, 7);
}

class FindLrProgram : public testing::Test {
 protected:
  FindLrProgram() { test::write_tiny_task(dir_); }
  Finished train(const Words& more) const { return test::train_tiny(dir_, more); }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_.path())) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  test::TempDir dir_;
};

TEST_F(FindLrProgram, LeavesAPageAndNoRun) {
  const Finished run = train({"--find-lr"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(StartsWith("tiny: plain_cnn on idx, sgd, batch 16, seed 3\n100 steps from 1e-07 to 10"),
                             HasSubstr("Suggested: optimizer.lr="), HasSubstr("Curve: find-lr.html\n")));
  EXPECT_THAT(files(), testing::ElementsAre("data", "find-lr.html", "tiny.yaml"));
  const std::string page = test::file_text(dir_ / "find-lr.html");
  EXPECT_THAT(page, AllOf(StartsWith("<!DOCTYPE html>"), HasSubstr("Suggested: optimizer.lr="),
                          HasSubstr("<svg viewBox"), HasSubstr("1e-05"), Not(HasSubstr("<script"))));
  EXPECT_THAT(page, Not(testing::ContainsRegex("NaN|nan|inf[^o]")));
}

TEST_F(FindLrProgram, PrintsJsonOfWhatIsConfigured) {
  const Words words{"--find-lr",  "--json", "--lr-from", "0.001",    "--lr-to", "0.5",
                    "--lr-steps", "30",     "--output",  "a/b.html", "--set",   "optimizer.name=adam"};
  const Finished first = train(words), second = train(words);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out, second.out);
  EXPECT_TRUE(fs::exists(dir_ / "a/b.html"));
  const auto json = nlohmann::json::parse(first.out);
  EXPECT_EQ(json["optimizer"], "adam");
  EXPECT_EQ(json["points"].size(), 30U);
  EXPECT_EQ(json["points"][0]["lr"], 0.001);
  EXPECT_EQ(json["points"][29]["lr"], 0.5);
  EXPECT_EQ(json["end"], "whole");
  EXPECT_GT(json["suggested_lr"], 0.001);
  EXPECT_LT(json["suggested_lr"], 0.5);
}

TEST_F(FindLrProgram, RefusesWhatDoesNotGoTogether) {
  const std::vector<std::pair<Words, const char*>> wrong{
      {{"--find-lr", "--lr-from", "1", "--lr-to", "0.5"}, "--lr-from is 1, but must be below --lr-to, which is 0.5"},
      {{"--find-lr", "--lr-from", "nan"}, "--lr-from is nan"},
      {{"--find-lr", "--lr-steps", "3"}, "--lr-steps"},
      {{"--find-lr", "--lr-from", "0"}, "--lr-from"},
      {{"--find-lr", "--run", "x"}, "--run"},
      {{"--find-lr", "--resume", "x"}, "--resume"},
      {{"--find-lr", "--profile"}, "--profile"},
      {{"--find-lr", "--output", "data"}, "--output data: is a directory"},
      {{"--lr-from", "0.1"}, "--find-lr"},
      {{"--output", "x.html"}, "--find-lr"},
  };
  for (const auto& [words, sentence] : wrong) {
    const Finished run = train(words);
    EXPECT_EQ(run.status, 2) << sentence;
    EXPECT_THAT(run.err, AllOf(StartsWith("ghost-train: "), HasSubstr(sentence)));
  }
  EXPECT_THAT(files(), testing::ElementsAre("data", "tiny.yaml"));
}

TEST_F(FindLrProgram, ASignalEndsItWithoutAPage) {
  test::Process process({test::program_path("ghost-train"), "--config", "tiny.yaml", "--find-lr", "--lr-steps", "10000",
                         "--lr-to", "1e-6"},
                        {.directory = dir_.str()});
  // From the sweep on a signal is noted; before, it ends the program as well, in the system's way.
  while (process.running()) process.send(SIGTERM);
  EXPECT_THAT(process.wait(), testing::AnyOf(128 + SIGTERM, 1000 + SIGTERM));
  EXPECT_THAT(files(), testing::ElementsAre("data", "tiny.yaml"));
}

}  // namespace
}  // namespace ghost
