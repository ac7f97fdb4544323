// One run from its first step, or from a checkpoint, to its last: epochs, tests and files. What a step does is in
// training_step.h, what is said about it in reporter.h.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/ops/cross_entropy.h"
#include "data/loader.h"
#include "nn/module.h"
#include "train/loop/reporter.h"
#include "train/loop/time_keeper.h"
#include "train/loop/training_step.h"
#include "train/network/evaluator.h"
#include "train/run/checkpoint.h"
#include "train/run/run_dir.h"
#include "train/run/sinks.h"

namespace ghost {

struct StepProfile {
  int64_t steps = 0, images = 0;  // images: of all these steps
  // outside: "waiting for data", "gradient norm, checks", "update", "other", and the names of hooks.
  StepTimes times;
};

class Trainer {
 public:
  // Opens the data, builds the model and freezes what train.freeze names, and makes the step. Sets the arithmetic
  // (arithmetic.h) and, unless run.threads is 0, the number of threads. Throws UsageError or Error, as its parts do,
  // before anything is written. `sinks` outlive the trainer and are called in this order.
  Trainer(const Config& config, std::vector<Sink*> sinks);

  // Takes over the checkpoint's values and position: the run continues with the bits it would have had without the
  // interruption. Sinks are told what may make a difference: another machine, another length of the schedule, other
  // images. Throws Error if names, shapes, the state of optimizer or hooks, or classes do not fit.
  void restore(const Checkpoint& checkpoint);

  // Checks all that can be checked before the first step (preflight.h, memory_estimate.h); warnings go to the sinks.
  // Reads model.pretrained unless a checkpoint was restored; run() does so too, if this was not called.
  void check();

  // Trains until all epochs are done, or train.hours or train.patience are over, or until `stop`, asked after every
  // step and every test batch, says so. The run writes its files (run_dir.h) as it goes: `last` at the start, every
  // train.checkpoint_every epochs, within an epoch every train.checkpoint_minutes, at the end and when stopped; `best`
  // after each test, of the validation part if there is one, with the highest top1 so far; the newest train.keep of
  // epochs beside `last`. Throws Error on NaN or infinity, naming the first layer that produced it, and when a file
  // cannot be written; the checkpoints that were there stay.
  RunEnd run(const RunDir& dir, const std::function<bool()>& stop = {});

  // Trains `warm_up` steps and then `steps` more, through as many epochs as that takes, and tells where the time of the
  // latter went. There are no tests and no files, and sinks hear warnings only; the steps count as trained.
  // `before_step` is called with the number of steps so far. Throws as run().
  StepProfile profile(int64_t warm_up, int64_t steps, const std::function<void(int64_t)>& before_step = {});

  // Trains with the rates that `rate` gives before each step, until it gives none, through as many epochs as that
  // takes; neither the schedule nor its warm-up is asked. `took` hears the sums of each step. There are no tests and no
  // files, and sinks hear warnings only; the steps count as trained. False if a number became NaN or infinite, which
  // ends it. Throws as run() in all other cases.
  bool sweep(const std::function<std::optional<double>()>& rate, const std::function<void(const MetricSums&)>& took);

  Module& model() { return *model_; }
  const DataSplits& data() const { return data_; }
  const Progress& progress() const { return progress_; }

 private:
  void make_loaders();
  void take_over(const Checkpoint& checkpoint);
  void load_starting_values();
  Tensor first_images();
  int64_t check_sizes();
  void warn_of_changed_images(const Checkpoint& checkpoint);
  void make_step(int64_t run_steps);
  void begin(const RunDir& dir);
  bool lay_out(const RunDir& dir, const std::function<bool()>& stop);
  bool is_over() const;
  int64_t epochs() const;
  int64_t step();
  bool finish_epoch(const RunDir& dir, const std::function<bool()>& stop);
  bool test(EpochReport& report, bool last, const std::function<bool()>& stop);
  void warn_of_young_statistics();
  void start_next_epoch();
  std::optional<Evaluation> evaluate_weights(const std::function<bool()>& stop, const std::string& weights);
  RunEnd end(const RunDir& dir, bool interrupted);
  bool save_is_due() const;
  void keep_epoch(const RunDir& dir);
  void save_last(const RunDir& dir);
  void save(const std::filesystem::path& file);
  [[noreturn]] void stop_not_finite(const std::string& what) const;
  int64_t steps_per_epoch() const;

  std::chrono::steady_clock::time_point made_at_ = std::chrono::steady_clock::now();
  Config config_;  // as given
  Reporter reporter_;
  DataSplits data_;
  DataFingerprint fingerprint_;  // of data_
  ModelConfig model_config_;     // with outputs and channels of the data
  ModulePtr model_;
  std::unique_ptr<Loader> train_loader_, test_loader_;
  std::unique_ptr<TrainingStep> step_;

  Progress progress_;
  std::optional<TimeKeeper> time_;  // from the start of a run with train.hours on
  bool resumed_ = false;
  bool has_starting_values_ = false;                // from model.pretrained, where there is one, and known to the hooks
  std::string last_good_;                           // the newest checkpoint, for messages
  std::chrono::steady_clock::time_point saved_at_;  // when run() began or wrote `last`
};

}  // namespace ghost
