// An exponential moving average of everything that the network learns (Polyak and Juditsky, SIAM J. Control Optim. 30,
// 1992), batch norm's statistics included, as timm's ModelEma keeps it. The decay warms up as in TensorFlow's
// ExponentialMovingAverage: min(decay, (1 + n)/(10 + n)) at update n = 1, 2, …, so that short runs do not average over
// their initial values.
#include "train/hooks/ema.h"

#include <algorithm>

#include "train/hooks/averaged_weights.h"

namespace ghost {
namespace {

struct EmaOptions {
  double decay = 0;
  bool warmup = true;
  int64_t every = 1;
  bool on() const { return decay > 0; }
};

void describe(EmaOptions& o, Description& d) {
  d.field("decay", &o.decay, "share of the average that an update keeps, e.g. 0.999; 0: no average", rule::below_one());
  d.field("warmup", &o.warmup, "a smaller decay at first: at most (1 + n)/(10 + n) in update n");
  d.field("every", &o.every, "steps from one update to the next", rule::at_least(1));
}

class Ema final : public AveragingHook {
 public:
  Ema(const EmaOptions& options, Module& model) : AveragingHook(model), options_(options) {}

  void after_update(const StepContext& context) override {
    const int64_t steps = context.step + 1;
    if (steps % options_.every != 0) return;
    const int64_t updates = steps / options_.every;
    const auto n = static_cast<double>(updates);
    const double decay = options_.warmup ? std::min(options_.decay, (1 + n) / (10 + n)) : options_.decay;
    average_.move_towards_model(1 - decay);
  }

 private:
  EmaOptions options_;
};

TrainingHookPtr make_ema(const EmaOptions& options, const HookSetup& setup) {
  return std::make_unique<Ema>(options, setup.model);
}

}  // namespace

HookEntry ema_hook() {
  return hook_entry<EmaOptions>({.name = "ema",
                                 .summary = "exponential moving average of the weights, tested beside them",
                                 .state = "averaged weights",
                                 .keeps_weights = true,
                                 .example = {"decay=0.9", "every=2"}},
                                make_ema);
}

}  // namespace ghost
