// train.hours: a run that lasts so long instead of so many epochs. Its length in steps is laid out after a few measured
// steps, and again as it goes. Curves over the run, such as the schedule's, keep the length they were first made for;
// when the run turns out longer or shorter it goes through what is left of them more slowly or faster, without a jump
// (Li et al., Budgeted Training, arXiv 1905.04753: what counts is the share of the budget).
#pragma once
#include <cstdint>

#include "train/run/json_fields.h"
#include "train/run/metrics.h"

namespace ghost {

// How far a run goes. A checkpoint keeps it.
struct RunLayout {
  double hours = 0;         // the budget it was laid out for
  double seconds = 0;       // taken by the run so far, tests and earlier parts included
  double step_seconds = 0;  // of one step, measured last
  double test_seconds = 0;  // of one test of all weights that are tested, measured last
  double end_seconds = 0;   // of what comes after the last test: the page of the run takes one of one set of weights
  int64_t curve = 1;        // steps that the run's curves are made for
  int64_t step = 0;         // laid out at this step,
  double position = 0;      // when the run was so far on its curves, in steps of them
  int64_t end = 1;          // steps of the run

  // The step of the curves that step `step` of the run takes, in [0, curve).
  int64_t curve_step(int64_t step) const;
  bool operator==(const RunLayout&) const = default;
};
template <class Visitor>
void visit_fields(RunLayout& l, Visitor& visit) {
  visit("hours", l.hours, Limits{.least = 0});
  visit("seconds", l.seconds, Limits{.least = 0});
  visit("step_seconds", l.step_seconds, Limits{.least = 0});
  visit("test_seconds", l.test_seconds, Limits{.least = 0});
  visit("end_seconds", l.end_seconds, Limits{.least = 0});
  visit("curve", l.curve, Limits{.least = 1, .most = kCount.most});
  visit("step", l.step, kCount);
  visit("position", l.position, Limits{.least = 0, .most = kCount.most});
  visit("end", l.end, Limits{.least = 1, .most = kCount.most});
}

// Steps of a run that is at `step`: as many more as the rest of the budget has time for, with a test after every
// `steps_between_tests` and at the end. At least 1 in all.
int64_t steps_that_fit(const RunLayout& layout, int64_t step, int64_t steps_between_tests);

// The run at `step` goes on by what `layout` says was measured last.
RunLayout laid_out_again(RunLayout layout, int64_t step, int64_t steps_between_tests);

// Seconds after which to lay out again: 2 % of the budget, and less towards its end.
double until_next_layout(const RunLayout& layout);

}  // namespace ghost
