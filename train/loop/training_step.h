// One optimizer step. Its order is that of the places of a hook (train/hooks/hook.h):
//
//   forward_backward    for each micro-batch: before_forward, forward, loss, backward
//   update              before_update, the optimizer's update, after_update
//
// Clipping of gradients and the search for NaN and infinity are hooks too. They act after those of the table.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/ops/cross_entropy.h"
#include "data/loader.h"
#include "nn/module.h"
#include "train/config/config.h"
#include "train/hooks/hook_table.h"
#include "train/loop/step_clock.h"
#include "train/optim/optimizer.h"
#include "train/optim/plateau.h"
#include "train/optim/schedule.h"
#include "train/run/checkpoint.h"

namespace ghost {

class TrainingStep {
 public:
  // Makes the optimizer for the parameters of `model` that require a gradient, the schedule and the hooks. `model`
  // outlives the step. Throws UsageError or Error, as its parts do.
  // The run takes `run_steps` steps, as far as curves over it go.
  TrainingStep(const Config& config, Module& model, int64_t steps_per_epoch, int64_t run_steps);

  // Call before the first step of a run that is not resumed, when the model has the values it starts from.
  void start();

  // One update from up to train.accumulate micro-batches of `loader`; false if the epoch has no more. `progress` says
  // which step it is and is brought up to date. Throws NotFiniteError, naming layer or parameter, where a loss, a
  // gradient or an updated weight is NaN or infinite.
  bool run(Loader& loader, Progress& progress);

  // From now on every step takes this rate instead of the schedule's, and the optimizer's own momentum; empty: the
  // schedule's again.
  void fix_lr(std::optional<double> lr) { fixed_lr_ = lr; }

  // An epoch was tested, and its checkpoints are not written yet: the plateau schedule goes by progress.test, which is
  // of the weights of train.best. Tests within the warm-up do not count.
  void tested(const Progress& progress);

  // The sections of a checkpoint that are the optimizer's, the schedule's and the hooks'.
  std::map<std::string, std::vector<NamedTensor>> state() const;
  // Takes back what state() gave. Throws Error where a section does not fit, or where there is one with tensors that no
  // hook of this run takes. The model's section is not looked at.
  void load_state(const std::map<std::string, std::vector<NamedTensor>>& sections);

  // Those of the table that the configuration turns on.
  const std::vector<NamedHook>& hooks() const { return hooks_; }

  // From now on `clock`, which outlives its use, is told what the time went to; null: no more. What a hook of the
  // table takes goes under its name.
  void measure(StepClock* clock) { clock_ = clock; }
  void mark(const std::string& what) const {
    if (clock_) clock_->mark(what);
  }

 private:
  MetricSums forward_backward(const StepContext& context, Batch batch, double weight);
  void update(const StepContext& context, const ScheduleValue& scheduled, double gradient_scale);
  template <class Act>
  void at_each_hook(const Act& act);

  Module& model_;
  uint64_t seed_;
  int64_t accumulate_;
  CrossEntropyOptions loss_;
  OptimizerPtr optimizer_;
  Schedule schedule_;
  std::optional<double> fixed_lr_;
  std::optional<Plateau> plateau_;
  std::vector<NamedHook> hooks_, own_hooks_;  // own: of this file, not in the table
  StepClock* clock_ = nullptr;
};

}  // namespace ghost
