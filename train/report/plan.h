// The runs that a comparison needs, and which of them exist already.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace ghost {

struct PlannedRun {
  LoadedConfig loaded;      // with its seed
  std::string config_file;  // as it was given
  std::string name;         // "<configuration>-s<seed>"
  std::filesystem::path dir;
  enum class Found { nothing, unfinished, finished };
  Found found = Found::nothing;
};

struct PlanOptions {
  std::vector<std::string> overrides;  // "key=value", for every configuration
  int64_t seeds = 0;                   // seeds 0 … seeds − 1 of each; 0: the configuration's own
  std::optional<int64_t> threads;
};

// One run for each configuration file and seed, in <run.dir, or runs>/<configuration>-s<seed>. A run that is there is
// taken if its complete configuration is the same apart from options_without_effect_on_results(). Throws UsageError,
// before anything is trained, if a folder holds another run (naming what differs), if another process writes it, or if
// two configurations would share a folder.
std::vector<PlannedRun> plan_runs(const std::vector<std::string>& config_files, const PlanOptions& options);

}  // namespace ghost
