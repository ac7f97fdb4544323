// metrics.jsonl: one JSON object a line.
//   {"kind": "step",  "epoch", "step", "loss", "top1", "lr", "images_per_second", "seconds", "data_wait"}
//   {"kind": "epoch", the same and "top5", "test_loss", "test_top1", "test_top5", "best_top1", "train_seconds",
//    "test_seconds", "peak_memory", "peak_resident"}
// top1 and top5 are percent, seconds wall clock since the run began, data_wait a share of 0..1. A step line speaks of
// the steps since the line before it, an epoch line of the epoch; test_* are absent where no test was due. A hook that
// keeps weights of its own adds "<hook>_test_loss", "<hook>_test_top1" and "<hook>_test_top5" of these. peak_memory
// is the most that tensors took since this process began the run, peak_resident the most that the process has had of
// the machine's memory, in bytes.
// The process that writes the file holds an advisory lock on it (flock), which the system takes back when it ends.
#pragma once
#include <cstdio>
#include <filesystem>
#include <memory>

#include "train/run/sinks.h"

namespace ghost {

class MetricsLog final : public Sink {
 public:
  // Appends to the file; each line is handed to the system as soon as it is complete. Throws Error if it cannot, or if
  // another process writes the file.
  explicit MetricsLog(std::filesystem::path file);
  void on_start(const RunStart& start) override;
  void on_step(const StepReport& report) override;
  void on_epoch(const EpochReport& report) override;

 private:
  void write(const std::string& line);
  std::filesystem::path file_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_;
};

// Drops the lines that lie beyond a checkpoint (of steps after `step`, of epochs after `epoch`) and a last line that
// was cut short, so that a resumed run's file is as if the run had never been interrupted. Returns the seconds of the
// last line that stays, 0 without one. A missing file is an empty one. Throws Error if a process writes the file.
double trim_metrics(const std::filesystem::path& file, int64_t step, int64_t epoch);

// Whether a process, this one included, writes the file now.
bool metrics_in_use(const std::filesystem::path& file);

}  // namespace ghost
