// A sink watches a run: the console, metrics.jsonl, the page of the run. It cannot change the run. An error that it
// throws (a full disk) ends the run, and the last checkpoint stays intact.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/preprocessing.h"
#include "train/config/config.h"
#include "train/run/metrics.h"

namespace ghost {

struct RunStart {
  Config config;
  std::filesystem::path dir;
  int64_t parameters = 0;                                      // numbers, without buffers
  int64_t frozen_parameters = 0;                               // how many of these train.freeze keeps as they are
  int64_t macs = 0;                                            // multiply-accumulates of one image (nn/cost.h)
  int64_t train_size = 0, validation_size = 0, test_size = 0;  // images; no validation part: 0
  std::string train_from, validation_from, test_from;          // folders, as in DataSplits
  bool by_name = false;
  int64_t classes = 0;
  Preprocessing preprocessing;
  int64_t epochs = 0, steps_per_epoch = 0;
  int64_t step = 0, epoch = 0;  // done so far: > 0 on resume
  double seconds = 0;           // of the run's earlier parts
  bool resumed = false;
};

struct StepReport {
  int64_t epoch = 0;   // the one under way: 1, 2, …
  int64_t epochs = 0;  // of the run, as far as is known
  int64_t step = 0;    // optimizer steps done in the run: 1, 2, …
  int64_t step_in_epoch = 0, steps_per_epoch = 0;
  MetricSums window;         // since the last step with window_ends
  bool window_ends = false;  // every train.log_every steps
  MetricSums epoch_so_far;
  double lr = 0;                 // of this step
  double images_per_second = 0;  // over the window, waiting for data included
  double data_wait = 0;          // share of the epoch's time spent waiting for data, 0..1
  double seconds = 0;            // wall clock since the run began, earlier parts included
};

// Weights that a hook keeps beside the model's own (TrainingHook::swap_weights), tested like these.
struct HookTest {
  std::string hook;  // its name in the table
  MetricSums sums;
};

struct EpochReport {
  int64_t epoch = 0, step = 0;
  MetricSums train;                  // of the epoch, as training saw it: augmented, while the weights moved
  bool tested = false;               // every train.eval_every epochs and at the end
  std::string held_out = "test";     // what it was tested on: "val" or "test"
  MetricSums test;                   // of the model's weights
  std::vector<HookTest> hook_tests;  // the same images
  bool best = false;                 // the highest top1 of the held-out images so far, by the weights of train.best
  double best_top1 = 0;              // percent
  bool out_of_patience = false;      // the run ends here (train.patience)
  double lr = 0;                     // of the last step
  double images_per_second = 0;      // training only
  double train_seconds = 0, test_seconds = 0, seconds = 0;
  double data_wait = 0;

  // The test of the weights of that name, "raw" or a hook's. Throws Error if they were not tested.
  const MetricSums& test_of(const std::string& weights) const {
    if (weights == "raw") return test;
    for (const HookTest& one : hook_tests)
      if (one.hook == weights) return one.sums;
    fail("the weights of {} were not tested", weights);
  }
};

struct RunEnd {
  bool interrupted = false;       // else the run has ended (run/patience.h)
  int64_t epoch = 0, epochs = 0;  // completed, wanted
  int64_t step = 0;
  bool tested = false;
  std::string held_out = "test";  // what it was tested on: "val" or "test"
  std::string weights = "raw";    // what was tested: the model's own, or those of a hook
  MetricSums test;                // the last one
  double best_top1 = 0;           // percent
  int64_t best_epoch = 0;         // 0: none
  double seconds = 0;
  std::filesystem::path dir, last, best;  // best is empty if there is none
};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void on_start(const RunStart&) {}
  virtual void on_note(const std::string&) {}     // a sentence, such as what was loaded
  virtual void on_warning(const std::string&) {}  // a sentence, such as about an unreadable image
  virtual void on_step(const StepReport&) {}
  virtual void on_test(int64_t /*batches_done*/, int64_t /*batches*/) {}
  virtual void on_epoch(const EpochReport&) {}
  virtual void on_end(const RunEnd&) {}
};

}  // namespace ghost
