#include "train/report/plan.h"

#include <map>

#include "train/report/config_diff.h"
#include "train/run/checkpoint.h"
#include "train/run/patience.h"
#include "train/run/run_dir.h"

namespace ghost {

namespace fs = std::filesystem;

namespace {

// Throws UsageError unless the folder is free or holds this very run.
PlannedRun::Found look(const PlannedRun& run) {
  std::error_code ignored;
  if (run_in_use(run.dir))
    fail_usage("{} is being trained by another process: wait for it, or name the folder to see it as far as it is",
               run.dir.string());
  if (!holds_run(run.dir)) return PlannedRun::Found::nothing;
  const std::string choose = "choose another folder with --set run.dir=DIR, or remove it";
  const fs::path config = run.dir / "config.yaml", last = run.dir / "checkpoints" / "last.safetensors";
  if (!fs::exists(config, ignored) || !fs::exists(last, ignored))
    fail_usage("{} holds the remains of a run ({} is missing); {}", run.dir.string(),
               fs::exists(config, ignored) ? last.filename().string() : config.filename().string(), choose);
  const std::vector<OptionRow> rows =
      differences_that_change_results(load_config(config.string(), {}).config, run.loaded.config);
  if (!rows.empty()) {
    constexpr size_t kMost = 4;
    std::string text;
    for (size_t i = 0; i < std::min(kMost, rows.size()); ++i)
      text += fmt::format("{}{} is {} there and {} here", i ? ", " : "", rows[i].option, rows[i].values[0],
                          rows[i].values[1]);
    if (rows.size() > kMost) text += fmt::format(", and {} more differ", rows.size() - kMost);
    fail_usage("{} holds another run: {}; {}", run.dir.string(), text, choose);
  }
  return has_ended(run.loaded.config.train, read_checkpoint_head(last).progress) ? PlannedRun::Found::finished
                                                                                 : PlannedRun::Found::unfinished;
}

}  // namespace

std::vector<PlannedRun> plan_runs(const std::vector<std::string>& config_files, const PlanOptions& options) {
  std::vector<PlannedRun> runs;
  std::map<fs::path, std::string> taken;
  for (const std::string& file : config_files) {
    const LoadedConfig loaded = load_config(file, options.overrides);
    const std::string stem = fs::path(file).stem().string();
    for (int64_t i = 0; i < std::max<int64_t>(1, options.seeds); ++i) {
      PlannedRun run;
      run.loaded = loaded;
      run.config_file = file;
      Config& config = run.loaded.config;
      if (options.seeds > 0) config.run.seed = static_cast<uint64_t>(i);
      if (options.threads) config.run.threads = *options.threads;
      run.name = fmt::format("{}-s{}", stem, config.run.seed);
      run.dir = (fs::path(config.run.dir.empty() ? "runs" : config.run.dir) / run.name).lexically_normal();
      config.run.dir.clear();
      if (const auto [other, fresh] = taken.emplace(run.dir, file); !fresh)
        fail_usage("{} and {} would both be trained in {}: give the files different names", other->second, file,
                   run.dir.string());
      runs.push_back(std::move(run));
    }
  }
  for (PlannedRun& run : runs) run.found = look(run);
  return runs;
}

}  // namespace ghost
