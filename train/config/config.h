// Everything a run is made of, as typed structs. describe() in describe.h drives reading, printing, --set and the copy
// in the checkpoint.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/registry.h"
#include "nn/models/registry.h"

namespace ghost {

struct OptimizerConfig {     // under optimizer:
  std::string name = "sgd";  // sgd | adam | adamw | rmsprop | rmsprop_tf
  double lr = 0.1;
  double momentum = 0.9;                    // sgd, rmsprop
  double dampening = 0;                     // sgd
  bool nesterov = false;                    // sgd
  std::array<double, 2> betas{0.9, 0.999};  // adam, adamw
  double eps = 1e-8;                        // adam, adamw, rmsprop
  bool amsgrad = false;                     // adam, adamw
  double alpha = 0.99;                      // rmsprop
  bool centered = false;                    // rmsprop
  double weight_decay = 5e-4;
  bool decay_norm_and_bias = true;  // false: no weight decay on parameters with one dimension
};

struct ScheduleConfig {         // under schedule:
  std::string name = "cosine";  // constant | step | multistep | exponential | polynomial | linear | cosine |
                                // cosine_restarts | one_cycle
  std::string per = "step";     // step | epoch: the unit of every length below
  double warmup = 0;            // epochs of linear warm-up from warmup_factor·lr
  double warmup_factor = 0.01;
  double step_size = 30;                  // step: epochs
  std::vector<double> milestones;         // multistep: epochs
  double gamma = 0.1;                     // step, multistep, exponential (per epoch)
  double power = 1;                       // polynomial
  double end_factor = 0;                  // linear: lr·end_factor at the end
  double min_lr = 0;                      // cosine, cosine_restarts
  double period = 10, period_factor = 1;  // cosine_restarts: epochs of the first period, factor of the next
  double max_lr = 0;                      // one_cycle; 0: optimizer.lr
  double pct_start = 0.3, div_factor = 25, final_div_factor = 1e4;  // one_cycle
  std::string anneal = "cos";                                       // one_cycle: cos | linear
  bool cycle_momentum = true;                                       // one_cycle
  double base_momentum = 0.85, max_momentum = 0.95;                 // one_cycle
};

struct TrainConfig {  // under train:
  int64_t epochs = 10;
  int64_t batch_size = 128;
  int64_t accumulate = 1;  // micro-batches per step; batch_size is the whole step's
  double label_smoothing = 0;
  double clip_grad_norm = 0;  // 0: off
  int64_t eval_every = 1;     // epochs
  int64_t eval_batch_size = 250;
  int64_t log_every = 10;        // steps between metrics.jsonl lines of kind "step"
  int64_t checkpoint_every = 1;  // epochs
  bool fusion = true;            // false: every transform is finished where it arises
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
  bool model_classes_set = false, model_channels_set = false;  // else they follow the data
};

struct LoadedConfig {
  Config config;
  std::vector<std::string>
      notes;  // options of models or data sets that are not selected, and were ignored: one line each
};

// Reads a YAML file (with `extends: other.yaml`, relative to it) and applies `--set key=value` in order. Strict: throws
// UsageError that lists every problem in one pass as file:line:column, each with the nearest known key or valid value.
LoadedConfig load_config(const std::string& file, const std::vector<std::string>& sets);
LoadedConfig load_config_text(const std::string& text, const std::string& name, const std::vector<std::string>& sets);
std::string config_to_yaml(const Config& config);  // complete; load_config_text gives the same back

}  // namespace ghost
