// Keeps a run within train.hours: measures its steps and tests, and lays the rest of it out by them.
#pragma once
#include <chrono>
#include <cstdint>

#include "train/run/time_budget.h"

namespace ghost {

class TimeKeeper {
 public:
  using Clock = std::chrono::steady_clock;

  // The time of this part of the run counts from `begin`. A test stands after every `steps_between_tests` steps, of
  // `weights` sets of weights.
  TimeKeeper(Clock::time_point begin, double seconds_before, int64_t steps_between_tests, int64_t weights);

  double seconds() const;  // of the run, earlier parts included

  // Before the first step: the run's first layout, by the time that a step and a test of all weights take.
  RunLayout first_layout(double hours, double step_seconds, double test_seconds);
  // A resumed run goes on: another budget, where it has one, counts from here.
  void resume(RunLayout& layout, double hours, int64_t step);

  // Step `step` is done, or a test after it, which took `test_seconds`. Brings layout.seconds up to date, and lays the
  // run out again where it is time to.
  void step_done(RunLayout& layout, int64_t step);
  void test_done(RunLayout& layout, int64_t step, double test_seconds);

 private:
  void lay_out(RunLayout& layout, int64_t step);

  Clock::time_point begin_;
  double before_;
  int64_t steps_between_tests_, weights_;
  double window_from_ = 0;  // seconds() when the steps that are being measured began
  int64_t window_steps_ = 0;
};

}  // namespace ghost
