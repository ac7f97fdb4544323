#include "train/loop/time_keeper.h"

namespace ghost {

TimeKeeper::TimeKeeper(Clock::time_point begin, double seconds_before, int64_t steps_between_tests, int64_t weights)
    : begin_(begin),
      before_(seconds_before),
      steps_between_tests_(steps_between_tests),
      weights_(weights),
      window_from_(seconds()) {}

double TimeKeeper::seconds() const { return before_ + std::chrono::duration<double>(Clock::now() - begin_).count(); }

RunLayout TimeKeeper::first_layout(double hours, double step_seconds, double test_seconds) {
  RunLayout layout{.hours = hours,
                   .seconds = seconds(),
                   .step_seconds = step_seconds,
                   .test_seconds = test_seconds,
                   .end_seconds = test_seconds / static_cast<double>(weights_)};
  window_from_ = layout.seconds;
  layout.curve = layout.end = steps_that_fit(layout, 0, steps_between_tests_);
  return layout;
}

void TimeKeeper::resume(RunLayout& layout, double hours, int64_t step) {
  layout.hours = hours;
  layout = laid_out_again(layout, step, steps_between_tests_);
  window_from_ = seconds();
}

void TimeKeeper::step_done(RunLayout& layout, int64_t step) {
  ++window_steps_;
  layout.seconds = seconds();
  if (layout.seconds - window_from_ < until_next_layout(layout)) return;
  layout.step_seconds = (layout.seconds - window_from_) / static_cast<double>(window_steps_);
  lay_out(layout, step);
}

void TimeKeeper::test_done(RunLayout& layout, int64_t step, double test_seconds) {
  layout.seconds = seconds();
  layout.test_seconds = test_seconds;
  layout.end_seconds = test_seconds / static_cast<double>(weights_);
  // A last test that was quicker than the one before gives no time for more: its schedule is over.
  if (step < layout.end) lay_out(layout, step);
}

void TimeKeeper::lay_out(RunLayout& layout, int64_t step) {
  layout = laid_out_again(layout, step, steps_between_tests_);
  window_from_ = layout.seconds;
  window_steps_ = 0;
}

}  // namespace ghost
