// A run's folder:
//   .lock           held by the process that trains the run (run_lock.h)
//   config.yaml     everything the run is made of, complete
//   metrics.jsonl   one JSON object a line (metrics_log.h)
//   metrics.csv     the epochs of metrics.jsonl as a table (metrics_csv.h)
//   tensorboard/    the curves for TensorBoard, if run.tensorboard (tensorboard_log.h)
//   train.log       what the program said
//   report.html     the page of the run (report/report_sink.h)
//   checkpoints/    last.safetensors, best.safetensors, epoch-<n>.safetensors (checkpoint.h)
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "train/run/run_lock.h"

namespace ghost {

class RunDir {
 public:
  // Creates the folder of a new run, with its parents, takes its lock, and makes sure that it can be written. If `dir`
  // is empty, the folder is runs/<name>-<n> with the first n that is free. What a run left that ended before its first
  // checkpoint is removed. Throws UsageError, and changes nothing, if there is a run in the folder already (naming
  // --resume and a free name), if it holds other files, or if another process trains in it; Error naming the folder and
  // the system's reason if it cannot be created or written.
  static RunDir create(const std::string& dir, const std::string& name);
  // The folder of an existing run that is to be resumed. Takes its lock and removes the temporary files that a killed
  // process left. Throws UsageError as find() does, and if another process trains the run; Error if it cannot be
  // written.
  static RunDir open(const std::string& dir);
  // The folder of an existing run, without lock: to read. Throws UsageError if there is no checkpoint in it, naming one
  // that lies nearby, if the path is that of a checkpoint or its folder.
  static RunDir find(const std::string& dir);

  // Writes config.yaml and makes room for checkpoints.
  void begin(const std::string& config_yaml) const;
  // Removes what create() and begin() made, and nothing else. A run that has a checkpoint has begun and is left alone.
  void abandon() const;

  // Removes all checkpoints of epochs but the newest `kept` up to `epoch`. Later ones are of a process that was killed
  // before the run knew of them, or of a run that was taken back to an older checkpoint. What cannot be removed stays.
  void remove_epochs(int64_t kept, int64_t epoch) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return path_ / "train.log"; }
  std::filesystem::path last() const { return path_ / "checkpoints" / "last.safetensors"; }
  std::filesystem::path best() const { return path_ / "checkpoints" / "best.safetensors"; }
  std::filesystem::path of_epoch(int64_t epoch) const;  // 1, 2, …

 private:
  explicit RunDir(std::filesystem::path path) : path_(std::move(path)) {}
  void take_lock() { lock_ = std::make_shared<const RunLock>(path_); }
  void require_writable() const;
  void remove_temporaries() const;
  std::filesystem::path path_;
  std::shared_ptr<const RunLock> lock_;  // shared by copies
};

// Whether the folder holds a run: a checkpoint, metrics.jsonl or train.log. What a process leaves that ended before its
// first checkpoint is none.
bool holds_run(const std::filesystem::path& dir);

// The checkpoint that is meant by `given`. A file means itself; a run directory, or its folder of checkpoints, means
// its best checkpoint, or its last where no test has chosen a best. Throws Error, beginning with --checkpoint, if there
// is none.
std::filesystem::path checkpoint_file(const std::string& given);

}  // namespace ghost
