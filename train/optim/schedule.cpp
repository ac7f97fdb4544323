#include "train/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "train/optim/plateau.h"

namespace ghost {
namespace {

// Lengths in epochs times steps per epoch meet whole steps up to rounding only (0.7·390 is not 273): within this many
// ticks they are taken as met.
constexpr double kTickTolerance = 1e-6;

double snapped(double ticks) {
  const double whole = std::round(ticks);
  return std::abs(ticks - whole) < kTickTolerance ? whole : ticks;
}

double cosine_between(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}
double linear_between(double from, double to, double share) { return from + (to - from) * share; }

ScheduleValue constant(const ScheduleConfig&, double base_lr, const SchedulePosition&) { return {.lr = base_lr}; }

ScheduleValue step(const ScheduleConfig& c, double base_lr, const SchedulePosition& at) {
  return {.lr = base_lr * std::pow(c.gamma, std::floor(snapped(at.run / c.step_size)))};
}

ScheduleValue multistep(const ScheduleConfig& c, double base_lr, const SchedulePosition& at) {
  const auto passed = std::count_if(c.milestones.begin(), c.milestones.end(), [&](double m) { return at.run >= m; });
  return {.lr = base_lr * std::pow(c.gamma, static_cast<double>(passed))};
}

ScheduleValue exponential(const ScheduleConfig& c, double base_lr, const SchedulePosition& at) {
  return {.lr = base_lr * std::pow(c.gamma, at.curve / at.epoch)};
}

ScheduleValue polynomial(const ScheduleConfig& c, double base_lr, const SchedulePosition& at) {
  return {.lr = base_lr * std::pow(1 - at.curve / at.length, c.power)};
}

ScheduleValue linear(const ScheduleConfig& c, double base_lr, const SchedulePosition& at) {
  return {.lr = base_lr * linear_between(c.start_factor, c.end_factor, at.curve / at.length)};
}

// Loshchilov and Hutter, arXiv 1608.03983, equation 5.
ScheduleValue cosine(const ScheduleConfig& c, double base_lr, const SchedulePosition& at) {
  return {.lr = cosine_between(base_lr, c.min_lr, at.curve / at.length)};
}

ScheduleValue cosine_restarts(const ScheduleConfig& c, double base_lr, const SchedulePosition& at) {
  double t = at.curve, period = c.period;
  if (c.period_factor == 1) {
    t = snapped(std::fmod(t, period));
    if (t >= period) t = 0;
  } else {
    for (; t >= snapped(period); period *= c.period_factor) t -= snapped(period);
  }
  return {.lr = cosine_between(base_lr, c.min_lr, t / period)};
}

// Smith and Topin, arXiv 1708.07120, in PyTorch's form: the peak is the tick pct_start·length − 1 and the end the last
// tick of the curve. With three_phase the way down to the first rate mirrors the way up, and the rest ends far below.
ScheduleValue one_cycle(const ScheduleConfig& c, double base_lr, const SchedulePosition& at) {
  struct Phase {
    double end, from, to, momentum_from, momentum_to;
  };
  const double highest = c.max_lr > 0 ? c.max_lr : base_lr;
  const double first = highest / c.div_factor, last = first / c.final_div_factor;
  const double low = c.base_momentum, high = c.max_momentum, peak = c.pct_start * at.length - 1, end = at.length - 1;
  const std::vector<Phase> phases =
      c.three_phase ? std::vector<Phase>{{peak, first, highest, high, low},
                                         {2 * peak, highest, first, low, high},
                                         {end, first, last, high, high}}
                    : std::vector<Phase>{{peak, first, highest, high, low}, {end, highest, last, low, high}};
  const double t = std::min(at.curve, end);
  double start = 0;
  auto phase = phases.begin();
  for (; phase + 1 != phases.end() && t > phase->end; ++phase) start = phase->end;
  const double share = phase->end > start ? (t - start) / (phase->end - start) : 1;
  const auto between = c.anneal == "linear" ? linear_between : cosine_between;
  ScheduleValue value{.lr = between(phase->from, phase->to, share)};
  if (c.cycle_momentum) value.momentum = between(phase->momentum_from, phase->momentum_to, share);
  return value;
}

}  // namespace

const std::vector<ScheduleEntry>& schedule_table() {
  static const std::vector<ScheduleEntry> table{
      {.name = "constant", .summary = "the same rate throughout", .options = {}, .value = constant},
      {.name = "step",
       .summary = "times gamma every step_size epochs",
       .options = {"step_size", "gamma"},
       .value = step},
      {.name = "multistep",
       .summary = "times gamma at each milestone",
       .options = {"milestones", "gamma"},
       .value = multistep},
      {.name = "exponential",
       .summary = "times gamma per epoch",
       .options = {"gamma"},
       .endless = true,
       .value = exponential},
      {.name = "polynomial",
       .summary = "a power of the share that is left",
       .options = {"epochs", "power"},
       .value = polynomial},
      {.name = "linear",
       .summary = "straight from start_factor to end_factor",
       .options = {"epochs", "start_factor", "end_factor"},
       .value = linear},
      {.name = "cosine",
       .summary = "half a cosine down to min_lr (arXiv 1608.03983)",
       .options = {"epochs", "min_lr"},
       .value = cosine},
      {.name = "cosine_restarts",
       .summary = "half cosines, each period_factor times as long as the one before (arXiv 1608.03983)",
       .options = {"min_lr", "period", "period_factor"},
       .endless = true,
       .value = cosine_restarts},
      {.name = "one_cycle",
       .summary = "up to max_lr, then far down; momentum the other way (arXiv 1708.07120)",
       .options = {"epochs", "max_lr", "pct_start", "three_phase", "div_factor", "final_div_factor", "anneal",
                   "cycle_momentum", "base_momentum", "max_momentum"},
       .value = one_cycle},
      {.name = kPlateau,
       .summary = "times factor whenever tests stop getting better",
       .options = {"metric", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps"},
       .endless = true,
       .value = constant},
  };
  return table;
}

const ScheduleEntry& schedule_entry(const ScheduleConfig& config) {
  const auto& table = schedule_table();
  return *std::find_if(table.begin(), table.end(), [&](const ScheduleEntry& e) { return e.name == config.name; });
}

Schedule make_schedule(const ScheduleConfig& config, double base_lr, int64_t total_steps, int64_t steps_per_epoch) {
  check_options(config, "schedule");
  if (total_steps < 1 || steps_per_epoch < 1)
    fail("schedule: {} steps of {} per epoch, but a run has at least one step", total_steps, steps_per_epoch);
  if (!(base_lr > 0) || !std::isfinite(base_lr)) fail("schedule: the base rate is {}, but must be above 0", base_lr);
  Schedule schedule;
  schedule.entry_ = &schedule_entry(config);
  if (config.epochs > 0) total_steps = config.epochs * steps_per_epoch;
  schedule.base_lr_ = base_lr;
  schedule.tick_steps_ = config.per == "epoch" ? steps_per_epoch : 1;
  schedule.epoch_ = static_cast<double>(steps_per_epoch) / static_cast<double>(schedule.tick_steps_);
  schedule.ticks_ =
      std::max(1.0, snapped(static_cast<double>(total_steps) / static_cast<double>(schedule.tick_steps_)));

  ScheduleConfig& in_ticks = schedule.config_ = config;
  for (double* length : {&in_ticks.warmup, &in_ticks.step_size, &in_ticks.period})
    *length = snapped(*length * schedule.epoch_);
  for (double& milestone : in_ticks.milestones) milestone = snapped(milestone * schedule.epoch_);
  return schedule;
}

ScheduleValue Schedule::at(int64_t step, double base_lr) const {
  if (step < 0) fail("schedule: step {} is before the first", step);
  const int64_t tick = step / tick_steps_;
  auto run = static_cast<double>(tick);
  // The end of a curve that was given its length is its last step's value: the one after may be a rate of 0.
  if (config_.epochs > 0 && !entry_->endless) run = std::min(run, std::ceil(ticks_) - 1);
  SchedulePosition position{.run = run,
                            .curve = std::max(0.0, run - config_.warmup),
                            .length = std::max(1.0, ticks_ - config_.warmup),
                            .epoch = epoch_};
  if (!entry_->endless) position.curve = std::min(position.curve, position.length);
  ScheduleValue value = entry_->value(config_, base_lr, position);
  if (run < config_.warmup) value.lr *= linear_between(config_.warmup_factor, 1, run / config_.warmup);
  return value;
}

}  // namespace ghost
