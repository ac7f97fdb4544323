#include "train/optim/schedule_config.h"

#include <algorithm>

#include "train/optim/schedule.h"

namespace ghost {

void describe(ScheduleConfig& c, Description& d) {
  d.name(&c.name, "curve of the learning rate", alternatives_of(schedule_table()));
  d.field("per", &c.per, "the rate moves with every step or at the start of every epoch",
          rule::one_of({"step", "epoch"}));
  d.field("epochs", &c.epochs, "length of the curve, later epochs keep its last rate; 0: train.epochs",
          rule::at_least(0, 1e6));
  d.field("warmup", &c.warmup, "epochs in which the rate rises linearly at the start (arXiv 1706.02677)",
          rule::at_least(0));
  d.field("warmup_factor", &c.warmup_factor, "the warm-up starts at warmup_factor * lr", rule::share());
  d.field("step_size", &c.step_size, "epochs between two multiplications by gamma", rule::above(0));
  d.field("milestones", &c.milestones, "epochs at which the rate is multiplied by gamma, ascending", rule::above(0));
  d.field("gamma", &c.gamma, "factor of the rate at each of them, or per epoch", rule::above(0));
  d.field("power", &c.power, "exponent of the share that is left", rule::above(0));
  d.field("start_factor", &c.start_factor, "from start_factor * lr", rule::at_least(0));
  d.field("end_factor", &c.end_factor, "to end_factor * lr", rule::at_least(0));
  d.field("min_lr", &c.min_lr, "the lowest rate", rule::at_least(0));
  d.field("period", &c.period, "epochs to the first restart", rule::above(0));
  d.field("period_factor", &c.period_factor, "each period is so many times as long as the one before",
          rule::at_least(1));
  d.field("max_lr", &c.max_lr, "the highest rate; 0: optimizer.lr", rule::at_least(0));
  d.field("pct_start", &c.pct_start, "share of the steps in which the rate rises", rule::share());
  d.field("three_phase", &c.three_phase, "back to the start first, then far down");
  d.field("div_factor", &c.div_factor, "the rate starts at max_lr / div_factor", rule::above(0));
  d.field("final_div_factor", &c.final_div_factor, "and ends at that / final_div_factor", rule::above(0));
  d.field("anneal", &c.anneal, "form of the curve between start, peak and end", rule::one_of({"cos", "linear"}));
  d.field("cycle_momentum", &c.cycle_momentum, "momentum falls while the rate rises, and back");
  d.field("base_momentum", &c.base_momentum, "momentum at the highest rate", rule::below_one());
  d.field("max_momentum", &c.max_momentum, "momentum at start and end", rule::below_one());
  d.field("metric", &c.metric, "what must get better: accuracy in percent, or loss, of the tests",
          rule::one_of({"top1", "loss"}));
  d.field("factor", &c.factor, "of the rate when it does not",
          {.limits = {.least = 0, .most = 1, .above = true, .below = true}});
  d.field("patience", &c.patience, "tests without improvement before that", rule::at_least(0, 1e6));
  d.field("threshold", &c.threshold, "what is better by no more is no improvement", rule::at_least(0));
  d.field("threshold_mode", &c.threshold_mode, "threshold is a share of the best value, or in its unit",
          rule::one_of({"rel", "abs"}));
  d.field("cooldown", &c.cooldown, "tests that do not count after the rate fell", rule::at_least(0, 1e6));
  d.field("eps", &c.eps, "smaller falls of the rate are left out", rule::at_least(0));
}

void check_together(const ScheduleConfig& c, const Finding& refuse, const Finding& note) {
  const auto& m = c.milestones;
  if (c.name == "multistep" && m.empty())
    note({"schedule.milestones"}, "schedule.milestones is empty: the rate stays the same");
  if (c.name == "multistep" && std::adjacent_find(m.begin(), m.end(), std::greater_equal<>()) != m.end())
    refuse({"schedule.milestones"}, "schedule.milestones must ascend");
  if (c.name == "one_cycle" && c.cycle_momentum && c.base_momentum > c.max_momentum)
    refuse({"schedule.base_momentum", "schedule.max_momentum"},
           fmt::format("schedule.base_momentum is {}, but must be at most schedule.max_momentum, {}", c.base_momentum,
                       c.max_momentum));
}

}  // namespace ghost
