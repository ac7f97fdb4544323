// A run's folder:
//   config.yaml     everything the run is made of, complete
//   metrics.jsonl   one JSON object a line (metrics_log.h)
//   train.log       what the program said
//   report.html     the page of the run (report/report_sink.h)
//   checkpoints/    last.safetensors, best.safetensors (checkpoint.h)
#pragma once
#include <filesystem>
#include <string>

namespace ghost {

class RunDir {
 public:
  // Creates the folder of a new run, with its parents, and makes sure that it can be written. If `dir` is empty, the
  // folder is runs/<name>-<n> with the first n that is free. Throws UsageError if there is a run in the folder already
  // (naming --resume and a free name), and Error naming the folder and the system's reason if it cannot be created or
  // written.
  static RunDir create(const std::string& dir, const std::string& name);
  // The folder of an existing run that is to be resumed. Throws UsageError if there is no checkpoint in it (naming one
  // that lies nearby, if the path is that of a checkpoint or its folder), and Error if it cannot be written.
  static RunDir open(const std::string& dir);

  // Writes config.yaml and makes room for checkpoints: from here on the folder holds a run.
  void begin(const std::string& config_yaml) const;
  // Removes what create() and begin() made, and nothing else. A run that has a checkpoint has begun and is left alone.
  void abandon() const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return path_ / "train.log"; }
  std::filesystem::path last() const { return path_ / "checkpoints" / "last.safetensors"; }
  std::filesystem::path best() const { return path_ / "checkpoints" / "best.safetensors"; }

 private:
  explicit RunDir(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Whether the folder holds a run or the remains of one, that is, any of the files above.
bool holds_run(const std::filesystem::path& dir);

// The checkpoint that is meant by `given`. A file means itself; a run directory, or its folder of checkpoints, means
// its best checkpoint, or its last where no test has chosen a best. Throws Error, beginning with --checkpoint, if there
// is none.
std::filesystem::path checkpoint_file(const std::string& given);

}  // namespace ghost
