// Lookahead (Zhang et al., arXiv 1907.08610): every few steps the slow weights go a share of the way to the trained
// ones, which go on from there. Batch norm's statistics belong to the weights and move with them. The share may shrink
// over the run, as in airbench (Jordan, arXiv 2404.00498).
#include "train/hooks/lookahead.h"

#include <algorithm>
#include <cmath>

#include "train/hooks/averaged_weights.h"

namespace ghost {
namespace {

struct LookaheadOptions {
  int64_t steps = 0;
  double alpha = 0.5, ramp = 0;
  bool on() const { return steps > 0; }
};

void describe(LookaheadOptions& o, Description& d) {
  d.field("steps", &o.steps, "steps between two moves of the slow weights, e.g. 5; 0: no slow weights",
          rule::at_least(0));
  d.field("alpha", &o.alpha, "share of the way that a move goes", rule::above(0, 1));
  d.field("ramp", &o.ramp, "a move goes 1 - (1 - alpha)·t^ramp of the way at share t of the run",
          rule::at_least(0, 100));
}

class Lookahead final : public AveragingHook {
 public:
  Lookahead(const LookaheadOptions& options, const HookSetup& setup)
      : AveragingHook(setup.model), options_(options), run_(static_cast<double>(setup.curve_steps)) {}

  void after_update(const StepContext& context) override {
    if ((context.step + 1) % options_.steps != 0) return;
    const double over = std::min(1.0, static_cast<double>(context.curve_step + 1) / run_);
    average_.move_towards_model(1 - (1 - options_.alpha) * std::pow(over, options_.ramp));
    average_.give_to_model();
  }

 private:
  LookaheadOptions options_;
  double run_;  // steps
};

TrainingHookPtr make_lookahead(const LookaheadOptions& options, const HookSetup& setup) {
  return std::make_unique<Lookahead>(options, setup);
}

}  // namespace

HookEntry lookahead_hook() {
  return hook_entry<LookaheadOptions>({.name = "lookahead",
                                       .summary = "slow weights that follow the trained ones (arXiv 1907.08610)",
                                       .state = "slow weights",
                                       .keeps_weights = true,
                                       .example = {"steps=2", "ramp=1"}},
                                      make_lookahead);
}

}  // namespace ghost
