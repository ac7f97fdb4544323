// A checkpoint is one safetensors file. Its tensors lie in sections (sections.h): the model's parameters and buffers
// under PyTorch's names and axes, the optimizer's state as "optimizer.<slot>.<parameter>" in the axes of that
// parameter, and the state of hooks. Its metadata:
//   format         "ghost-checkpoint-1"
//   ghost_version  of the program that wrote it
//   config         YAML, complete; load_config_text reads it. run.dir is left out: the run is where the file lies
//   epoch, step    completed epochs and optimizer steps
//   seed           run.seed
//   lr             learning rate of the last step
//   schedule       name of the schedule; its position is `step`
//   best_top1, best_epoch   best test accuracy so far in percent, and its epoch (0: no test yet)
//   classes        JSON array of names, in the order of the model's outputs
//   preprocessing  JSON: what evaluation must do to a picture (preprocessing_json.h)
//   data           JSON, number and names of the images of each part (data/fingerprint.h); not in older files
//   made_with      JSON, facts of the machine and the program that bits depend on (made_with.h)
//   progress       JSON, what resuming inside an epoch needs: batches consumed, sums so far, results of the last test
// Nothing in it, but for a budget of time, depends on the clock, on where the run lives or on whether it was
// interrupted: on one machine the same recipe and seed give the same bytes.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "data/fingerprint.h"
#include "data/preprocessing.h"
#include "train/config/config.h"
#include "train/run/made_with.h"
#include "train/run/metrics.h"
#include "train/run/sections.h"
#include "train/run/time_budget.h"

namespace ghost {

// Where a run stands.
struct Progress {
  int64_t epoch = 0;      // completed, tested
  int64_t step = 0;       // optimizer steps
  int64_t batch = 0;      // micro-batches consumed of the epoch under way
  MetricSums epoch_sums;  // of them
  MetricSums window;      // of the steps since the last "step" line of metrics.jsonl
  double lr = 0;          // of the last step
  MetricSums test;        // the last one
  double best_top1 = 0;
  int64_t best_epoch = 0;
  std::optional<RunLayout> layout{};  // of a run with a budget of time (train.hours), from its first step on
  // Where the next step is on curves over the run.
  int64_t curve_step() const { return layout ? layout->curve_step(step) : step; }
  bool operator==(const Progress&) const = default;
};
template <class Visitor>
void visit_fields(Progress& p, Visitor& visit) {
  visit("epoch", p.epoch, kCount);
  visit("step", p.step, kCount);
  visit("batch", p.batch, kCount);
  visit("epoch_sums", p.epoch_sums);
  visit("window", p.window);
  visit("lr", p.lr, Limits{.least = 0});
  visit("test", p.test);
  visit("best_top1", p.best_top1, Limits{.least = 0, .most = 100});
  visit("best_epoch", p.best_epoch, kCount);
  visit("layout", p.layout);
}

struct Checkpoint {
  // By section (sections.h), under names without its prefix; those of parameters and buffers in PyTorch's axes.
  std::map<std::string, std::vector<NamedTensor>> tensors;
  Config config;
  Progress progress;
  std::vector<std::string> classes;
  Preprocessing preprocessing;
  std::optional<DataFingerprint> data = {};  // of the images trained and tested on; empty: not known
  MadeWith made_with{};                      // as read; a file is written with made_here()
};

// The configuration of the checkpoint's model, with the outputs and channels that its values have.
ModelConfig model_of(const Checkpoint& checkpoint);

// Writes the file atomically: after a crash or on a full disk the file that was there is still there. Throws Error, and
// writes nothing, if a number in it is NaN or infinite, or if an entry's name would put it into another section.
void write_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint);

// Throws Error naming the file and what is wrong with it: not a safetensors file, not a checkpoint of this program, a
// missing or malformed entry of the metadata. Every section of the table is then in `tensors`, empty or not.
Checkpoint read_checkpoint(const std::filesystem::path& file);

// Where the run of a checkpoint stands and what its network is for, from the metadata alone. Throws as
// read_checkpoint().
struct CheckpointHead {
  Progress progress;
  std::vector<std::string> classes;
  Preprocessing preprocessing;
  std::optional<DataFingerprint> data = {};
  MadeWith made_with;
};
CheckpointHead read_checkpoint_head(const std::filesystem::path& file);

// What a file of weights says of its network, in the entries config, classes, preprocessing and data of its metadata.
struct NetworkMetadata {
  std::string config;                          // YAML; empty: there is none
  std::vector<std::string> classes;            // empty: not known
  std::optional<Preprocessing> preprocessing;  // empty: not known
  std::optional<DataFingerprint> data = {};    // of the images trained and tested on; empty: not known
  std::string weights_of = {};                 // which of a run's weights they are, "ema"; empty: not known
};
// Reads the entries that are there. Throws Error naming `file` if one is malformed.
NetworkMetadata read_network_metadata(const std::string& file, const std::map<std::string, std::string>& metadata);
std::map<std::string, std::string> to_metadata(const NetworkMetadata& facts);  // entries for what is known

}  // namespace ghost
