// One run from its first step, or from a checkpoint, to its last.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "core/ops/cross_entropy.h"
#include "data/loader.h"
#include "nn/module.h"
#include "train/loop/step_clock.h"
#include "train/network/evaluator.h"
#include "train/optim/optimizer.h"
#include "train/optim/schedule.h"
#include "train/run/checkpoint.h"
#include "train/run/metrics_log.h"
#include "train/run/run_dir.h"
#include "train/run/sinks.h"

namespace ghost {

struct StepProfile {
  int64_t steps = 0, images = 0;  // images: of all these steps
  StepTimes times;                // outside: "waiting for data", "gradient norm, checks", "update", "other"
};

class Trainer {
 public:
  // Opens the data and builds the model, the optimizer for what train.freeze leaves, and the schedule. Sets the
  // arithmetic (arithmetic.h) and, unless run.threads is 0, the number of threads. Throws UsageError or Error, as its
  // parts do, before anything is written. `sinks` outlive the trainer and are called in this order.
  Trainer(const Config& config, std::vector<Sink*> sinks);

  // Takes over the checkpoint's values and position: the run continues with the bits it would have had without the
  // interruption. Throws Error if names, shapes, optimizer state or classes do not fit.
  void restore(const Checkpoint& checkpoint);

  // Everything that can be checked before the first step (preflight.h); warnings go to the sinks. Reads
  // model.pretrained unless a checkpoint was restored; run() does so too, if this was not called.
  void check();

  // Trains until all epochs are done, or until `stop`, asked after every step and every test batch, says so. Files (see
  // run_dir.h): `last` is written at the start, every train.checkpoint_every epochs, at the end and when stopped;
  // `best` after each test with the highest top1 so far. Throws Error on NaN or infinity, naming the first layer that
  // produced it, and when a file cannot be written; the checkpoints that were there stay.
  RunEnd run(const RunDir& dir, const std::function<bool()>& stop = {});

  // Trains `warm_up` steps and then `steps` more, through as many epochs as that takes, and tells where the time of the
  // latter went. No tests, no files, nothing to the sinks but warnings; the steps count as trained. `before_step` is
  // called with the number of steps so far. Throws as run().
  StepProfile profile(int64_t warm_up, int64_t steps, const std::function<void(int64_t)>& before_step = {});

  Module& model() { return *model_; }
  const DataSplits& data() const { return data_; }
  const Progress& progress() const { return progress_; }

 private:
  using Clock = std::chrono::steady_clock;
  // Images since a moment; what came before a resume has its own clock.
  struct Stopwatch {
    Clock::time_point since = Clock::now();
    int64_t images = 0;
    double seconds() const { return std::chrono::duration<double>(Clock::now() - since).count(); }
    double images_per_second() const { return seconds() > 0 ? static_cast<double>(images) / seconds() : 0; }
  };

  void load_pretrained();
  void begin(const RunDir& dir);
  bool step();
  void forward_backward(const Batch& batch, int64_t micro_batch, double weight);
  void mark(const char* what) {
    if (clock_) clock_->mark(what);
  }
  void report_step();
  bool finish_epoch(const RunDir& dir, const std::function<bool()>& stop);
  std::optional<Evaluation> test(const EvaluateOptions& options);
  RunEnd end(const RunDir& dir, bool interrupted);
  void save(const std::filesystem::path& file);
  [[noreturn]] void stop_not_finite(const std::string& what) const;
  void tell(const std::function<void(Sink&)>& what);
  Checkpoint checkpoint();
  int64_t steps_per_epoch() const;
  double seconds() const { return seconds_before_ + run_clock_.seconds(); }

  Config config_;  // as given
  std::vector<Sink*> sinks_;
  DataSplits data_;
  ModelConfig model_config_;  // with outputs and channels of the data
  ModulePtr model_;
  OptimizerPtr optimizer_;
  std::unique_ptr<Schedule> schedule_;
  std::unique_ptr<Loader> train_loader_, test_loader_;
  CrossEntropyOptions loss_;

  Progress progress_;
  bool resumed_ = false, pretrained_loaded_ = false;
  std::unique_ptr<MetricsLog> metrics_;  // from run() on; hears before the sinks
  std::string last_good_;                // the newest checkpoint, for messages
  double seconds_before_ = 0;
  std::unique_ptr<StepClock> clock_;  // while steps are profiled
  Stopwatch run_clock_, epoch_clock_, window_clock_;
};

}  // namespace ghost
