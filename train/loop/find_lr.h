// The learning-rate range test (Smith, arXiv 1506.01186) in the form of fast.ai: a fresh network is trained for some
// steps, the rate grows from step to step by one factor, and the loss shows which rates a network learns at.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "train/loop/trainer.h"

namespace ghost {

struct LrSweep {
  double from = 1e-7, to = 10;  // rates of the first and of the last step
  int64_t steps = 100;
};

// Rate of step 0, 1, …, steps − 1.
double rate_of(const LrSweep& sweep, int64_t step);

struct LrPoint {
  double lr = 0;
  double loss = 0;      // of the step's images, before its update
  double smoothed = 0;  // moving mean of the losses so far, corrected for its start; it forgets 2 % a step of 100
};

enum class SweepEnd {
  whole,       // all steps are done
  diverged,    // the smoothed loss was above kDivergence times its least
  not_finite,  // a number became NaN or infinite
  stopped      // by the caller
};

struct LrCurve {
  static constexpr double kDivergence = 4;
  std::vector<LrPoint> points;
  SweepEnd end = SweepEnd::whole;
};

// `trainer` is that of a run that has not begun. `on_step` hears of each step, and returns false to stop. A function of
// configuration and seed, like training. Throws as Trainer::sweep().
LrCurve find_lr(Trainer& trainer, const LrSweep& sweep, const std::function<bool(const LrPoint&)>& on_step = {});

// Of the smoothed loss without the first tenth of the steps, in which the mean settles, and without the last five, in
// which the loss breaks away.
struct LrSuggestion {
  double valley = 0;      // half-way down the longest fall of the loss: what fast.ai suggests
  double steepest = 0;    // where the loss falls most for a growth of the rate
  bool falls_on = false;  // the loss still falls at the highest rate, so a better one may lie above
};
// Nothing if the loss does not fall at any rate, or too few steps were taken to tell. `steps` are those of the sweep.
std::optional<LrSuggestion> suggest_lr(const LrCurve& curve, int64_t steps);

}  // namespace ghost
