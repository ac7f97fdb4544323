// Learning rates as pure functions of the step: no state, so resuming needs no more than the step's number. What tests
// have to say is in plateau.h.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/optim/schedule_config.h"

namespace ghost {

struct ScheduleValue {
  double lr = 0;
  std::optional<double> momentum{};  // one_cycle with cycle_momentum: replaces optimizer.momentum (or betas[0])
};

// A schedule moves in ticks: steps (per: step) or epochs (per: epoch).
class Schedule {
 public:
  // The values that step `step` (0, 1, …) uses. Past the end cosine, polynomial, linear and one_cycle keep their last
  // value; the others go on. Past schedule.epochs those four keep the value of the curve's last step instead. Throws
  // Error on a negative step.
  ScheduleValue at(int64_t step) const { return at(step, base_lr_); }
  ScheduleValue at(int64_t step, double base_lr) const;  // for another rate than the one it was made with
  // The step is one of the warm-up.
  bool is_warming_up(int64_t step) const {
    const int64_t tick = step / tick_steps_;
    return static_cast<double>(tick) < config_.warmup;
  }

 private:
  friend Schedule make_schedule(const ScheduleConfig&, double, int64_t, int64_t);
  Schedule() = default;
  ScheduleConfig config_;  // lengths in ticks
  const struct ScheduleEntry* entry_ = nullptr;
  double base_lr_ = 0, ticks_ = 0, epoch_ = 1;  // ticks_: of the run; epoch_: ticks of one epoch
  int64_t tick_steps_ = 1;
};

// `total_steps` is the length of the run, and of the curve unless config.epochs says otherwise. Lengths in `config` are
// epochs of steps_per_epoch steps. With steps_per_epoch = 1 every length is a number of steps
// and the results are those of torch.optim.lr_scheduler, stepped after each step:
//   cosine            CosineAnnealingLR(T_max = total_steps, eta_min = min_lr)
//   polynomial        PolynomialLR(total_iters = total_steps, power)
//   linear            LinearLR(start_factor, end_factor, total_iters = total_steps)
//   step, multistep   StepLR(step_size, gamma), MultiStepLR(milestones, gamma)
//   exponential       ExponentialLR(gamma)
//   cosine_restarts   CosineAnnealingWarmRestarts(T_0 = period, T_mult = period_factor, eta_min = min_lr)
//   one_cycle         OneCycleLR(max_lr, total_steps, pct_start, three_phase, …)
//   constant, warmup  LinearLR(start_factor = warmup_factor, end_factor = 1, total_iters = warmup)
//   cosine, warmup    SequentialLR([LinearLR as above, CosineAnnealingLR(total_steps − warmup)], [warmup])
// Throws UsageError for an option that is not as described, Error unless total_steps ≥ 1, steps_per_epoch ≥ 1 and
// base_lr > 0.
Schedule make_schedule(const ScheduleConfig& config, double base_lr, int64_t total_steps, int64_t steps_per_epoch);

// Where a step stands, in ticks. `run` counts from the first step, `curve` from the end of the warm-up (0 before),
// `length` is that of the curve, at least 1; `epoch` is one epoch. 0 ≤ curve ≤ length unless the entry is endless.
struct SchedulePosition {
  double run = 0, curve = 0, length = 1, epoch = 1;
};

struct ScheduleEntry {
  std::string name, summary;
  std::vector<std::string> options;  // fields of ScheduleConfig it reads besides name, per, warmup, warmup_factor
  bool endless = false;              // goes on past the end of the run
  ScheduleValue (*value)(const ScheduleConfig& config, double base_lr, const SchedulePosition& position);
};
const std::vector<ScheduleEntry>& schedule_table();
const ScheduleEntry& schedule_entry(const ScheduleConfig& config);  // the line of config.name, which has one

}  // namespace ghost
