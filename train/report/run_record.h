// A run as its directory describes it.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/config/config.h"
#include "train/run/metrics_line.h"

namespace ghost {

enum class RunState {
  finished,  // all epochs are done
  running,   // a process is writing it
  stopped,   // interrupted, can be resumed
  crashed,   // ended by an error or killed: what came after the last checkpoint is lost
};
const char* name_of(RunState state);

struct RunRecord {
  std::string name;  // of the folder
  std::filesystem::path dir;
  Config config;
  RunState state = RunState::stopped;
  std::string state_text;  // "finished", "running: epoch 3 of 10", "crashed in epoch 2 of 10: training stopped at …"
  std::string weights = "raw";    // whose tests its epochs give: the model's own, or those of train.best
  std::string held_out = "test";  // what its epochs were tested on: "val", a validation part, or "test"
  std::vector<StepPoint> steps;
  std::vector<EpochPoint> epochs;
  std::vector<std::string> problems;  // "<file>:<line>: …", lines that were left out, and files that cannot be read

  // Of checkpoints/last.safetensors; nothing if there is none.
  struct Position {
    int64_t epoch = 0, step = 0;  // completed
    std::vector<std::string> classes;
    int64_t image_size = 0, channels = 0;  // of the network's input
    int64_t test_images = 0;               // of the last test; 0: none yet
    bool ended = false;                    // it is as long as it was to be
    std::string out_of_patience = {};      // why the run has ended before its last epoch; empty: it has not
    std::string tested_on = {};            // differs where the names of these images do; empty: not known
  };
  std::optional<Position> last;
  std::filesystem::path last_checkpoint() const;

  const EpochPoint* last_test() const;  // null: none yet
  const EpochPoint* best_test() const;  // highest test accuracy, the first of equals
  // Of the first complete epoch; 0 without one.
  int64_t steps_per_epoch() const { return epochs.empty() ? 0 : epochs.front().step / epochs.front().epoch; }
};

// Reads as much as there is; a run that is being written is read as far as it is. A line that is corrupted, cut short
// or out of order is named in `problems` and left out, and so is an unreadable checkpoint. Throws UsageError if the
// folder holds no run, and Error if its config.yaml cannot be read.
RunRecord read_run(const std::filesystem::path& dir);

// Marks a run whose process is about to end as stopped.
void mark_stopped(RunRecord& run);

// Reads several runs and makes their names unique by putting as many parent folders in front as are needed. Throws
// UsageError if a folder is given twice.
std::vector<RunRecord> read_runs(const std::vector<std::filesystem::path>& dirs);

}  // namespace ghost
