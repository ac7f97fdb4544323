#include "train/run/time_budget.h"

#include <algorithm>
#include <cmath>

namespace ghost {
namespace {

constexpr double kMostSteps = 1e12;

double seconds_left(const RunLayout& l) { return std::max(0.0, l.hours * 3600 - l.end_seconds - l.seconds); }

double seconds_between(const RunLayout& l, int64_t step, int64_t end, int64_t steps_between_tests) {
  const int64_t tests =
      end / steps_between_tests - step / steps_between_tests + (end % steps_between_tests == 0 ? 0 : 1);
  return static_cast<double>(end - step) * l.step_seconds + static_cast<double>(tests) * l.test_seconds;
}

double position_of(const RunLayout& l, int64_t step) {
  if (step >= l.end) return static_cast<double>(l.curve);
  const double share = static_cast<double>(step - l.step) / static_cast<double>(l.end - l.step);
  return l.position + share * (static_cast<double>(l.curve) - l.position);
}

}  // namespace

int64_t RunLayout::curve_step(int64_t at) const {
  // A run as long as its curves takes every step of them, whatever rounding does.
  constexpr double kRounding = 1e-6;
  return std::clamp(static_cast<int64_t>(std::floor(position_of(*this, at) + kRounding)), int64_t{0}, curve - 1);
}

int64_t steps_that_fit(const RunLayout& layout, int64_t step, int64_t steps_between_tests) {
  const double left = seconds_left(layout), most = std::min(kMostSteps, left / std::max(layout.step_seconds, 1e-9));
  int64_t fits = step, too_far = step + static_cast<int64_t>(most) + 2;
  while (too_far - fits > 1) {
    const int64_t middle = fits + (too_far - fits) / 2;
    (seconds_between(layout, step, middle, steps_between_tests) <= left ? fits : too_far) = middle;
  }
  return std::max<int64_t>(fits, 1);
}

RunLayout laid_out_again(RunLayout layout, int64_t step, int64_t steps_between_tests) {
  layout.position = position_of(layout, step);
  layout.step = step;
  layout.end = steps_that_fit(layout, step, steps_between_tests);
  return layout;
}

double until_next_layout(const RunLayout& layout) {
  return std::min(layout.hours * 3600 / 50, seconds_left(layout) / 4);
}

}  // namespace ghost
