// metrics.jsonl: one JSON object a line.
//   {"kind": "step",  "epoch", "step", "loss", "top1", "lr", "images_per_second", "seconds", "data_wait"}
//   {"kind": "epoch", the same and "top5", "test_loss", "test_top1", "test_top5", "best_top1", "train_seconds",
//    "test_seconds", "peak_memory", "peak_resident"}
// top1 and top5 are percent, seconds wall clock since the run began, data_wait a share of 0..1. A step line speaks of
// the steps since the line before it, an epoch line of the epoch; test_* are absent where no test was due, and are
// val_* where there is a validation part. A hook that keeps weights of its own adds "<hook>_test_loss",
// "<hook>_test_top1" and
// "<hook>_test_top5" of these. best_top1 is of the weights of train.best. peak_memory is the most that tensors took
// since this process began the run, peak_resident the most that the process has had of the machine's memory, in bytes.
//
// metrics.csv and TensorBoard's files are made of the same lines (metrics_csv.h, tensorboard_log.h).
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "train/run/metrics_csv.h"
#include "train/run/sinks.h"
#include "train/run/tensorboard_log.h"

namespace ghost {

class MetricsLog final : public Sink {
 public:
  // Appends to the file, and from on_start() on makes the others anew beside it; each line is handed to the system as
  // soon as it is complete. Throws Error if it cannot.
  explicit MetricsLog(std::filesystem::path file);
  ~MetricsLog() override;
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;
  void on_start(const RunStart& start) override;
  void on_step(const StepReport& report) override;
  void on_epoch(const EpochReport& report) override;
  // What was written so far is on the disk afterwards.
  void sync();

 private:
  void write(const std::string& text);
  std::filesystem::path file_;
  int fd_ = -1;
  std::optional<MetricsCsv> csv_;        // from on_start() on
  std::optional<TensorBoardLog> board_;  // likewise, if run.tensorboard
};

// Drops the lines that lie beyond a checkpoint (of steps after `step`, of epochs after `epoch`), so that a resumed
// run's file is as if the run had never been interrupted. Lines that cannot be read are dropped too, and `warn` is told
// of each (read_metrics()). Returns the seconds of the last line that stays, 0 without one. A missing file is an empty
// one. The run's lock must be held.
double trim_metrics(const std::filesystem::path& file, int64_t step, int64_t epoch,
                    const std::function<void(const std::string&)>& warn);

}  // namespace ghost
