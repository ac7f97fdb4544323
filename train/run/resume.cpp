#include "train/run/resume.h"

#include <algorithm>

#include "core/nearest.h"
#include "train/config/describe.h"
#include "train/config/values.h"
#include "train/optim/schedule.h"

namespace ghost {

const std::vector<std::string>& resumable_options() {
  static const std::vector<std::string> options{"train.epochs",
                                                "train.hours",
                                                "schedule.epochs",
                                                "train.patience",
                                                "train.eval_every",
                                                "train.eval_batch_size",
                                                "train.checkpoint_every",
                                                "train.checkpoint_minutes",
                                                "train.keep",
                                                "train.log_every",
                                                "data.root",
                                                "data.workers",
                                                "data.prefetch",
                                                "data.max_unreadable",
                                                "run.threads",
                                                "run.dir",
                                                "run.tensorboard"};
  return options;
}

LoadedConfig resumed_config(const Checkpoint& checkpoint, const std::string& config_file,
                            const std::vector<std::string>& overrides) {
  LoadedConfig loaded = config_file.empty()
                            ? load_config_text(config_to_yaml(checkpoint.config), "the checkpoint's config", overrides)
                            : load_config(config_file, overrides);
  Config before = checkpoint.config;
  const Description was = describe(before), is = describe(loaded.config);
  const auto& allowed = resumable_options();
  std::string changes;
  for (size_t i = 0; i < was.fields().size(); ++i) {
    const Field& field = was.fields()[i];
    const std::string old_value = value_to_yaml(field), new_value = value_to_yaml(is.fields()[i]);
    if (old_value == new_value || std::find(allowed.begin(), allowed.end(), field.path) != allowed.end()) continue;
    changes += fmt::format("{}{} ({} to {})", changes.empty() ? "" : ", ", field.path, old_value, new_value);
  }
  if (!changes.empty())
    fail_usage(
        "a run is continued as it was begun, but this would change {}; only {} can change, anything else is a new run",
        changes, any_of(allowed));
  if (const bool timed = before.train.hours > 0; timed != (loaded.config.train.hours > 0))
    fail_usage("a run that was begun with {} goes on with it, but this would give it {}; its value can change",
               timed ? "train.hours" : "train.epochs", timed ? "train.epochs" : "train.hours");
  return loaded;
}

namespace {

std::string change_of_hours(const Config& before, const Config& now, const Progress& progress) {
  if (before.train.hours == now.train.hours || !progress.layout) return {};
  const RunLayout& layout = *progress.layout;
  const auto share = 100 * static_cast<double>(layout.curve_step(progress.step)) / static_cast<double>(layout.curve);
  return fmt::format(
      "the run was to take {:g} h and is now to take {:g}: {:.0f} % of its schedule are behind it, and the rest is "
      "spread over what is left of the time",
      before.train.hours, now.train.hours, share);
}

}  // namespace

std::string change_of_schedule(const Config& before, const Config& now, const Progress& progress,
                               int64_t steps_per_epoch) {
  if (now.train.hours > 0) return change_of_hours(before, now, progress);
  const bool fixed = now.schedule.epochs > 0;
  if (progress.step == 0 || schedule_entry(now.schedule).endless) return {};
  if (curve_epochs(before) == curve_epochs(now) && fixed == (before.schedule.epochs > 0)) return {};
  const auto value_at = [&](const Config& config, int64_t step) {
    return make_schedule(config.schedule, config.optimizer.lr, config.train.epochs * steps_per_epoch, steps_per_epoch)
        .at(step);
  };
  const ScheduleValue last = value_at(before, progress.step - 1), next = value_at(now, progress.step);
  const auto epochs = [](int64_t n) { return fmt::format("{} epoch{}", n, n == 1 ? "" : "s"); };
  std::string text = curve_epochs(before) == curve_epochs(now)
                         ? fmt::format("the {} curve keeps its {}, and later ones its last rate", now.schedule.name,
                                       epochs(curve_epochs(now)))
                         : fmt::format("the {} curve was made for {} and is now for {}", now.schedule.name,
                                       epochs(curve_epochs(before)), curve_epochs(now));
  text +=
      fmt::format(": the learning rate was {:.3g} in the last step and is {:.3g} in the next", progress.lr, next.lr);
  if (last.momentum && next.momentum && *last.momentum != *next.momentum)
    text += fmt::format(", the momentum {:.3g} and {:.3g}", *last.momentum, *next.momentum);
  if (!fixed)
    text += fmt::format(". With --set schedule.epochs={} the curve keeps its form, and later epochs its last rate",
                        curve_epochs(before));
  return text;
}

}  // namespace ghost
