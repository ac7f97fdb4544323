#include "train/config/check.h"

#include <cmath>

#include "train/optim/plateau.h"

namespace ghost {
namespace {

void check_schedule(const Config& config, const Finding& refuse, const Finding& note) {
  const ScheduleConfig& c = config.schedule;
  const bool timed = config.train.hours > 0;  // how many epochs there will be is not known
  const double epochs = timed ? HUGE_VAL : static_cast<double>(config.train.epochs);
  if (timed && c.epochs > 0)
    refuse({"schedule.epochs", "train.hours"},
           fmt::format("schedule.epochs is {}, but must be 0 with train.hours: the curve is as long as the run",
                       c.epochs));
  if (c.warmup >= epochs)
    note({"schedule.warmup", "train.epochs"},
         fmt::format("schedule.warmup is {} epochs of train.epochs {}: the rate never reaches optimizer.lr", c.warmup,
                     config.train.epochs));
  if (c.name == "multistep" && !c.milestones.empty() && c.milestones.back() >= epochs)
    note({"schedule.milestones", "train.epochs"},
         fmt::format("schedule.milestones go on to epoch {}, but train.epochs is {}: the last are not reached",
                     c.milestones.back(), config.train.epochs));
  if (c.name == "step" && c.step_size >= epochs)
    note({"schedule.step_size", "train.epochs"},
         fmt::format("schedule.step_size is {} epochs of train.epochs {}: the rate stays the same", c.step_size,
                     config.train.epochs));
  if (const OverEpochs& sizes = config.data.image_sizes;
      !sizes.empty() && static_cast<double>(sizes.back()[0]) >= epochs)
    note({"data.image_size", "train.epochs"},
         fmt::format("data.image_size goes on to epoch {}, but train.epochs is {}: the network never trains at {}, the "
                     "size that it is tested at",
                     sizes.back()[0], config.train.epochs, sizes.back()[1]));
  const bool has_lowest = c.name == "cosine" || c.name == "cosine_restarts" || c.name == kPlateau;
  if (has_lowest && c.min_lr > config.optimizer.lr)
    refuse({"schedule.min_lr", "optimizer.lr"},
           fmt::format("schedule.min_lr is {}, but must be at most optimizer.lr, {}", c.min_lr, config.optimizer.lr));
}

}  // namespace

void check_together(const Config& config, const Finding& refuse, const Finding& note) {
  check_together(config.model, refuse, note);
  check_together(config.data, refuse, note);
  check_together(config.optimizer, refuse, note);
  check_together(config.schedule, refuse, note);
  check_together(config.train, refuse, note);
  check_schedule(config, refuse, note);
  if (!config.train.freeze.empty() && config.pretrained.file.empty())
    note({"train.freeze"}, "train.freeze without model.pretrained keeps what it freezes at its random values");
}

}  // namespace ghost
