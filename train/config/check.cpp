#include "train/config/check.h"

#include <algorithm>

#include "core/error.h"
#include "nn/layers/cheap_op.h"

namespace ghost {
namespace {

void check_data(const DataConfig& c, const Finding& refuse) {
  const size_t mean = c.mean.size(), deviation = c.std.size();
  if (mean != deviation)
    refuse({"data.mean", "data.std"},
           fmt::format("data.mean has {} values and data.std has {}, but they go together", mean, deviation));
  else if (mean > 1 && mean != 3)
    refuse({"data.mean", "data.std"}, fmt::format("data.mean has {} values, but images have 1 or 3 channels", mean));
  else if (mean > 0 && c.channels > 0 && static_cast<int64_t>(mean) != c.channels)
    refuse({"data.mean", "data.channels"},
           fmt::format("data.mean has {} values, but data.channels is {}", mean, c.channels));
  if (c.resize > 0 && c.resize < c.image_size)
    refuse({"data.resize", "data.image_size"},
           fmt::format("data.resize is {}, but must be at least data.image_size, {}", c.resize, c.image_size));
}

void check_model(const ModelConfig& c, const Finding& note) {
  const auto reads = [](const auto& table, const std::string& name, const char* option) {
    return std::any_of(table.begin(), table.end(), [&](const auto& entry) {
      return entry.name == name && std::count(entry.options.begin(), entry.options.end(), option) > 0;
    });
  };
  if (!reads(model_table(), c.name, "conv") || !reads(conv_choice_table(), c.conv.name, "cheap_op")) return;
  for (const CheapOpEntry& op : cheap_op_table())
    if (op.name == c.conv.cheap_op && op.least_kernel == 0 && c.conv.cheap_kernel != ConvChoice().cheap_kernel)
      note({"model.conv.cheap_kernel", "model.conv.cheap_op"},
           fmt::format("model.conv.cheap_kernel is {}, but cheap_op {} has no kernel; ignored", c.conv.cheap_kernel,
                       op.name));
}

void check_optimizer(const OptimizerConfig& c, const Finding& refuse) {
  if (c.name == "sgd" && c.nesterov && c.momentum == 0)
    refuse({"optimizer.nesterov", "optimizer.momentum"}, "optimizer.nesterov needs optimizer.momentum above 0");
  if (c.name == "sgd" && c.nesterov && c.dampening != 0)
    refuse({"optimizer.nesterov", "optimizer.dampening"}, "optimizer.nesterov needs optimizer.dampening 0");
}

void check_schedule(const Config& config, const Finding& refuse, const Finding& note) {
  const ScheduleConfig& c = config.schedule;
  const auto epochs = static_cast<double>(config.train.epochs);
  if (c.warmup >= epochs)
    note({"schedule.warmup", "train.epochs"},
         fmt::format("schedule.warmup is {} epochs of train.epochs {}: the rate never reaches optimizer.lr", c.warmup,
                     config.train.epochs));
  if (c.name == "multistep") {
    const auto& m = c.milestones;
    if (m.empty()) note({"schedule.milestones"}, "schedule.milestones is empty: the rate stays the same");
    if (std::adjacent_find(m.begin(), m.end(), [](double a, double b) { return a >= b; }) != m.end())
      refuse({"schedule.milestones"}, "schedule.milestones must ascend");
    else if (!m.empty() && m.back() >= epochs)
      note({"schedule.milestones", "train.epochs"},
           fmt::format("schedule.milestones go on to epoch {}, but train.epochs is {}: the last are not reached",
                       m.back(), config.train.epochs));
  }
  if (c.name == "step" && c.step_size >= epochs)
    note({"schedule.step_size", "train.epochs"},
         fmt::format("schedule.step_size is {} epochs of train.epochs {}: the rate stays the same", c.step_size,
                     config.train.epochs));
  if ((c.name == "cosine" || c.name == "cosine_restarts") && c.min_lr > config.optimizer.lr)
    refuse({"schedule.min_lr", "optimizer.lr"},
           fmt::format("schedule.min_lr is {}, but must be at most optimizer.lr, {}", c.min_lr, config.optimizer.lr));
  if (c.name == "one_cycle" && c.cycle_momentum && c.base_momentum > c.max_momentum)
    refuse({"schedule.base_momentum", "schedule.max_momentum"},
           fmt::format("schedule.base_momentum is {}, but must be at most schedule.max_momentum, {}", c.base_momentum,
                       c.max_momentum));
}

}  // namespace

void check_together(const Config& config, const Finding& refuse, const Finding& note) {
  check_model(config.model, note);
  check_data(config.data, refuse);
  check_together(config.data.augment, refuse, note);
  check_optimizer(config.optimizer, refuse);
  check_schedule(config, refuse, note);
  if (!config.train.freeze.empty() && config.pretrained.file.empty())
    note({"train.freeze"}, "train.freeze without model.pretrained keeps what it freezes at its random values");
  if (config.train.accumulate > config.train.batch_size)
    refuse({"train.accumulate", "train.batch_size"},
           fmt::format("train.accumulate is {}, but a batch of {} cannot be cut into more parts than it has images",
                       config.train.accumulate, config.train.batch_size));
}

}  // namespace ghost
