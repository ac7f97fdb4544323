// The options under `train:`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "train/hooks/hook_options.h"

namespace ghost {

struct TrainConfig {
  int64_t epochs = 10;
  bool epochs_set = false;  // else it is `auto`: 10, or as many as train.hours has time for
  double hours = 0;         // the run's budget of time instead; 0: epochs count
  int64_t batch_size = 128;
  int64_t accumulate = 1;  // micro-batches per step; batch_size is that of the whole step
  double label_smoothing = 0;
  double clip_grad_norm = 0;  // 0: off
  int64_t eval_every = 1;     // epochs
  int64_t patience = 0;       // epochs without a better test after which the run ends; 0: it goes on
  int64_t eval_batch_size = 250;
  int64_t log_every = 10;           // steps between metrics.jsonl lines of kind "step"
  int64_t checkpoint_every = 1;     // epochs
  double checkpoint_minutes = 10;   // within an epoch; 0: off
  int64_t keep = 0;                 // older checkpoints besides last and best
  bool fusion = true;               // false: every transform is finished where it arises
  std::string numerics = "fast";    // fast | exact (core/numerics.h)
  std::string precision = "f32";    // f32 | bf16: how activations are stored
  std::vector<std::string> freeze;  // patterns of parameters that do not train (nn/freeze.h)
  std::string best = "auto";        // auto | raw | a hook that keeps weights: whose accuracy `best` follows
  HookOptions hooks;                // a section for each line of hook_table()
};
// The weights whose accuracy chooses `best`, and which programs take up unless they are told otherwise: "raw", the
// model's own, or the name of a hook that keeps some. `auto` is the last of these hooks that is on.
std::string best_weights(const TrainConfig& config);
// "3 of 10"; of a run that has a budget of time, "3".
std::string epoch_of_all(const TrainConfig& config, int64_t epoch, const std::string& of = " of ");
void describe(TrainConfig& config, Description& description);
void check_together(const TrainConfig& config, const Finding& refuse, const Finding& note);

}  // namespace ghost
