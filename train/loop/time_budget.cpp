#include "train/loop/time_budget.h"

#include <algorithm>
#include <cmath>

namespace ghost {

double RunLayout::share_at(int64_t at) const {
  if (!laid()) return 0;
  const double over = static_cast<double>(at - step) / static_cast<double>(steps);
  return std::clamp(share + (1 - share) * over, 0.0, 1.0);
}

RunLayout lay_out(const RunLayout& before, int64_t step, const RunPace& pace) {
  const int64_t test_every = pace.steps_per_epoch * pace.epochs_per_test;
  // Tests between `step` and `step + steps`, the one at the end included.
  const auto tests = [&](int64_t steps) {
    const int64_t last = step + steps, due = last / test_every - step / test_every;
    return due + (last % test_every != 0);
  };
  const auto seconds = [&](int64_t steps) {
    return static_cast<double>(steps) * pace.seconds_per_step +
           static_cast<double>(tests(steps)) * pace.seconds_per_test;
  };
  // Without tests more would fit, but not fewer: from there downwards.
  const auto most = static_cast<int64_t>(std::max(1.0, std::ceil(pace.seconds_left / pace.seconds_per_step)));
  int64_t fits = 1, too_many = most + 1;
  while (too_many - fits > 1) {
    const int64_t middle = fits + (too_many - fits) / 2;
    (seconds(middle) <= pace.seconds_left ? fits : too_many) = middle;
  }
  return {.share = before.share_at(step), .step = step, .steps = fits};
}

}  // namespace ghost
