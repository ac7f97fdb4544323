// Everything a run is made of, as typed structs. describe() in describe.h drives reading, printing, --set and the copy
// in the checkpoint.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/registry.h"
#include "nn/models/registry.h"
#include "train/hooks/hook_options.h"

namespace ghost {

// The values here are those of sgd; the line of optimizer_table() that is chosen by name has its own (`defaults`), from
// which a file that names it starts.
struct OptimizerConfig {     // under optimizer:
  std::string name = "sgd";  // sgd | adam | adamw | rmsprop | rmsprop_tf
  double lr = 0.1;
  double momentum = 0.9;                    // sgd, rmsprop, rmsprop_tf
  double dampening = 0;                     // sgd
  bool nesterov = false;                    // sgd
  std::array<double, 2> betas{0.9, 0.999};  // adam, adamw
  double eps = 1e-8;                        // all but sgd
  bool amsgrad = false;                     // adam, adamw
  double alpha = 0.99;                      // rmsprop, rmsprop_tf
  bool centered = false;                    // rmsprop, rmsprop_tf
  double weight_decay = 5e-4;
  bool decay_norm_and_bias = true;  // false: no weight decay on parameters with one dimension
};

// The rate is optimizer.lr times a curve. Every length is in epochs and may be fractional; `per` says when the rate
// moves. step and multistep count from the start of the run (milestones are epochs of the run, whether there is a
// warm-up or not); every other curve starts when the warm-up ends and fills what is left of train.epochs.
struct ScheduleConfig {         // under schedule:
  std::string name = "cosine";  // constant | step | multistep | exponential | polynomial | linear | cosine |
                                // cosine_restarts | one_cycle
  std::string per = "step";     // step: moves with every step; epoch: at the start of every epoch only
  double warmup = 0;            // epochs in which the rate rises linearly from warmup_factor·lr to lr
  double warmup_factor = 0.01;
  double step_size = 30;                  // step: epochs between two multiplications by gamma
  std::vector<double> milestones;         // multistep: epochs at which the rate is multiplied by gamma, ascending
  double gamma = 0.1;                     // step, multistep; exponential: lr·gamma^epochs
  double power = 1;                       // polynomial: lr·(1 − t)^power, t = share of the curve that is over
  double start_factor = 1;                // linear: from lr·start_factor …
  double end_factor = 0;                  // linear: … to lr·end_factor
  double min_lr = 0;                      // cosine, cosine_restarts: the lowest rate
  double period = 10, period_factor = 1;  // cosine_restarts: epochs of the first period, factor of the next
  double max_lr = 0;                      // one_cycle: the highest rate; 0: optimizer.lr
  double pct_start = 0.3;                 // one_cycle: share of the curve in which the rate rises
  bool three_phase = false;               // one_cycle: first back to the start as it came, then far down
  double div_factor = 25;                 // one_cycle: starts at max_lr / div_factor …
  double final_div_factor = 1e4;          // one_cycle: … and ends at that / final_div_factor
  std::string anneal = "cos";             // one_cycle: cos | linear
  bool cycle_momentum = true;             // one_cycle: momentum falls to base_momentum while the rate rises, and back
  double base_momentum = 0.85, max_momentum = 0.95;  // one_cycle
};

struct TrainConfig {  // under train:
  int64_t epochs = 10;
  int64_t batch_size = 128;
  int64_t accumulate = 1;  // micro-batches per step; batch_size is the whole step's
  double label_smoothing = 0;
  double clip_grad_norm = 0;  // 0: off
  int64_t eval_every = 1;     // epochs
  int64_t eval_batch_size = 250;
  int64_t log_every = 10;           // steps between metrics.jsonl lines of kind "step"
  int64_t checkpoint_every = 1;     // epochs
  bool fusion = true;               // false: every transform is finished where it arises
  std::string numerics = "fast";    // fast | exact (core/numerics.h)
  std::vector<std::string> freeze;  // patterns of parameters that do not train (nn/freeze.h)
  HookOptions hooks;                // under train:, a section for each line of hook_table()
};

// A run that starts takes the values of its model from a file (train/network/pretrained.h); a run that is continued
// does not.
struct PretrainedConfig {  // under model:, as pretrained, pretrained_strict, pretrained_prefix
  std::string file;        // safetensors, a checkpoint or a run directory; empty: values start as model.init says
  bool strict = true;      // every entry must fit; only the classifier may have another number of classes
  std::string prefix;      // of the entries that are taken, "backbone"; empty: all
};

struct RunConfig {  // under run:
  uint64_t seed = 0;
  int64_t threads = 0;  // 0: all cores
  std::string dir;      // empty: runs/<config name>-<n>
};

struct Config {
  ModelConfig model;
  DataConfig data;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  TrainConfig train;
  RunConfig run;
  PretrainedConfig pretrained;
  // model.num_classes, model.in_channels stand in the configuration; else (missing or `auto`) they follow the data.
  bool model_classes_set = false, model_channels_set = false;
};

struct LoadedConfig {
  Config config;
  // For the log, one line each: options that were ignored, because they belong to a model, data set, optimizer or
  // schedule that is not selected or describe a data set that data.name has replaced; lengths that cannot be reached.
  std::vector<std::string> notes;
};

// Reads a YAML file (with `extends: other.yaml`, relative to it) and applies `--set key=value` in order. Strict: throws
// UsageError that lists every problem in one pass, one a line, as file:line:column (or --set key=value), each with the
// nearest known key or the valid values. An option that the selected model, data set, optimizer, schedule or
// convolution does not have is ignored with a note if a file has it, and refused if --set has it (data options are
// never refused). When data.name is replaced by a file that extends another or by --set, what the replaced layers say
// about the old data set (root, image_size, resize, channels, mean, std, model.num_classes, model.in_channels) is
// ignored with a note.
LoadedConfig load_config(const std::string& file, const std::vector<std::string>& overrides);
// The same from text; `name` stands for the file in messages, and `extends` is relative to its folder.
LoadedConfig load_config_text(const std::string& text, const std::string& name,
                              const std::vector<std::string>& overrides);

// Every option of the selected model, data set, optimizer and schedule, commented; load_config_text gives the same
// back. model.num_classes and model.in_channels that are not set are `auto` unless they were changed: then they are
// kept.
std::string config_to_yaml(const Config& config);

}  // namespace ghost
