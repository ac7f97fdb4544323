// Everything a run is made of, as typed structs. Their descriptions (describe.h) drive reading, printing, --set and the
// copy in the checkpoint.
#pragma once
#include <string>
#include <vector>

#include "data/registry.h"
#include "nn/models/registry.h"
#include "train/config/pretrained_config.h"
#include "train/config/run_config.h"
#include "train/config/train_config.h"
#include "train/optim/optimizer_config.h"
#include "train/optim/schedule_config.h"

namespace ghost {

struct Config {
  ModelConfig model;
  DataConfig data;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  TrainConfig train;
  RunConfig run;
  PretrainedConfig pretrained;
  // True if the configuration gives model.num_classes, model.in_channels. Else they are missing or `auto`, and their
  // values follow from the data.
  bool model_classes_set = false, model_channels_set = false;
};

// Epochs of a curve over the run: schedule.epochs, or train.epochs where that is 0. Of a run with train.hours this is
// not known before it is laid out.
inline int64_t curve_epochs(const Config& config) {
  return config.schedule.epochs > 0 ? config.schedule.epochs : config.train.epochs;
}

struct LoadedConfig {
  Config config;
  // For the log, one line each: options that are ignored, because they belong to a model, data set, optimizer or
  // schedule that is not selected, or describe a data set that data.name has replaced; lengths that cannot be reached.
  std::vector<std::string> notes;
};

// Reads a YAML file (with `extends: other.yaml`, relative to it) and applies `--set key=value` in order. Reading is
// strict: it throws UsageError that lists every problem at once, one a line, each with its place (file:line:column or
// --set key=value) and the nearest known key or the valid values. An option that the selected model, data set,
// optimizer, schedule or convolution does not read is ignored with a note if a file has it, and refused if --set has it
// (data options are never refused). When a file that extends another, or --set, replaces data.name, what the replaced
// layers say about the old data set (root, image_size, resize, channels, mean, std, model.num_classes,
// model.in_channels) is ignored with a note.
LoadedConfig load_config(const std::string& file, const std::vector<std::string>& overrides);
// The same from text; `name` stands for the file in messages, and `extends` is relative to its folder.
LoadedConfig load_config_text(const std::string& text, const std::string& name,
                              const std::vector<std::string>& overrides);

// Every option of the selected model, data set, optimizer and schedule as YAML, with comments; load_config_text gives
// the same configuration back. model.num_classes and model.in_channels are written as `auto` if they are not set,
// unless their values are other than the defaults: then they are kept.
std::string config_to_yaml(const Config& config);

}  // namespace ghost
