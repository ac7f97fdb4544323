// train.hours: a run that is as long as its time allows. The curve of the learning rate is laid over the steps that
// will fit, and laid again as the speed turns out to be another, so that the run ends on time with its curve complete.
#pragma once
#include <cstdint>

#include "core/options.h"

namespace ghost {

// How far along its curve the run is at each step: `share` at `step`, and from there in a straight line to 1 after
// `steps` more.
struct RunLayout {
  double share = 0;
  int64_t step = 0, steps = 0;  // steps: 0 where the run has no budget of time
  bool operator==(const RunLayout&) const = default;

  bool laid() const { return steps > 0; }
  int64_t end() const { return step + steps; }  // the number of steps of the whole run
  // The share of the run that is over before step number `at`, 0 ≤ at.
  double share_at(int64_t at) const;
};
template <class Visitor>
void visit_fields(RunLayout& l, Visitor& visit) {
  visit("share", l.share, Limits{.least = 0, .most = 1});
  visit("step", l.step, Limits{.least = 0, .most = 1e15});
  visit("steps", l.steps, Limits{.least = 0, .most = 1e15});
}

// What the rest of a run will take.
struct RunPace {
  double seconds_left = 0;      // of the budget
  double seconds_per_step = 0;  // training, waiting for data included; above 0
  double seconds_per_test = 0;
  int64_t steps_per_epoch = 0, epochs_per_test = 1;
};

// The layout from `step` on: as many steps as fit into the time that is left together with the tests that fall due, the
// last of which comes after the last step. At least one step. The share at `step` stays what it was in `before`.
RunLayout lay_out(const RunLayout& before, int64_t step, const RunPace& pace);

}  // namespace ghost
