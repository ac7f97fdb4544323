#include "train/report/run_record.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "train/run/checkpoint.h"
#include "train/run/metrics_line.h"
#include "train/run/patience.h"
#include "train/run/run_dir.h"

namespace ghost {

namespace fs = std::filesystem;

namespace {

template <class Point>
void append(std::vector<Point>& points, Point point) {
  if (!points.empty() && point.step <= points.back().step)
    fail("speaks of step {} after step {}", point.step, points.back().step);
  points.push_back(std::move(point));
}

void read_metrics(const fs::path& file, RunRecord& run) {
  const auto take = [&](const std::string&, const MetricsLine& line) {
    if (const auto* step = std::get_if<StepPoint>(&line)) append(run.steps, *step);
    if (const auto* epoch = std::get_if<EpochPoint>(&line)) {
      append(run.epochs, *epoch);
      run.epochs.back().follow(run.weights);
      if (epoch->test_top1) run.held_out = epoch->held_out;
    }
  };
  try {
    const std::vector<std::string> problems = ghost::read_metrics(file, run.state == RunState::running, take);
    run.problems.insert(run.problems.end(), problems.begin(), problems.end());
  } catch (const Error& e) {
    run.problems.emplace_back(e.what());
  }
}

void read_position(const fs::path& file, RunRecord& run) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  try {
    CheckpointHead head = read_checkpoint_head(file);
    if (head.data) run.held_out = head.data->validation.count > 0 ? "val" : "test";
    run.last = {.epoch = head.progress.epoch,
                .step = head.progress.step,
                .classes = std::move(head.classes),
                .image_size = head.preprocessing.image_size,
                .channels = head.preprocessing.channels,
                .test_images = head.progress.test.count};
    run.last->ended = is_as_long_as_wanted(run.config.train, head.progress);
    if (out_of_patience(run.config.train, head.progress))
      run.last->out_of_patience = patience_sentence(run.config.train, head.progress);
    if (head.data)
      run.last->tested_on = (head.data->validation.count > 0 ? head.data->validation : head.data->test).names;
  } catch (const Error& e) {
    run.problems.emplace_back(e.what());
  }
}

// The message of the error that is the log's last word; lines are "<date> <time> <level>: <text>".
std::string last_error(const fs::path& log) {
  std::ifstream in(log, std::ios::binary | std::ios::ate);
  if (!in) return {};
  constexpr std::streamoff kTail = 1 << 16;
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kTail));
  std::string line, last;
  while (std::getline(in, line))
    if (!line.empty()) last = line;
  const std::string mark = " error: ";
  const size_t at = last.find(mark);
  if (at == std::string::npos) return {};
  std::string text = last.substr(at + mark.size());
  if (text.starts_with("ghost-") && text.find(": ") != std::string::npos) text.erase(0, text.find(": ") + 2);
  return text;
}

// Epochs that are complete, by the checkpoint or by the lines, whichever is further.
int64_t epochs_done(const RunRecord& run) {
  return std::max(run.last ? run.last->epoch : 0, run.epochs.empty() ? 0 : run.epochs.back().epoch);
}

std::string where_it_is(const RunRecord& run) {
  const TrainConfig& train = run.config.train;
  const int64_t next = epochs_done(run) + 1;
  return "epoch " + epoch_of_all(train, train.hours > 0 ? next : std::min(next, train.epochs));
}

void judge(RunRecord& run) {
  const int64_t step =
      std::max(run.steps.empty() ? 0 : run.steps.back().step, run.epochs.empty() ? 0 : run.epochs.back().step);
  const TrainConfig& train = run.config.train;
  if (train.hours > 0 ? run.last && run.last->ended : epochs_done(run) >= train.epochs) {
    run.state = RunState::finished;
    run.state_text = "finished";
  } else if (run.last && !run.last->out_of_patience.empty()) {
    run.state = RunState::finished;
    run.state_text = "finished " + run.last->out_of_patience;
  } else if (run.state == RunState::running) {
    run.state_text = "running: " + where_it_is(run);
  } else if (const std::string error = last_error(run.dir / "train.log"); !error.empty()) {
    run.state = RunState::crashed;
    run.state_text = fmt::format("crashed in {}: {}", where_it_is(run), error);
  } else if (!run.last || step > run.last->step) {
    run.state = RunState::crashed;
    run.state_text =
        fmt::format("crashed in {}: {}", where_it_is(run),
                    run.last ? fmt::format("steps after its last checkpoint (step {}) are lost", run.last->step)
                             : "it has no checkpoint");
  } else {
    mark_stopped(run);
  }
}

// "b" of "a/b", "a/b" for two parts, and so on.
std::string last_parts(const fs::path& dir, int parts) {
  fs::path path;
  fs::path above = dir;
  for (int i = 0; i < parts && above.has_filename(); ++i, above = above.parent_path())
    path = path.empty() ? above.filename() : above.filename() / path;
  return path.string();
}

}  // namespace

const char* name_of(RunState state) {
  switch (state) {
    case RunState::finished:
      return "finished";
    case RunState::running:
      return "running";
    case RunState::stopped:
      return "stopped";
    case RunState::crashed:
      return "crashed";
  }
  return "";
}

void mark_stopped(RunRecord& run) {
  run.state = RunState::stopped;
  run.state_text = "stopped in " + where_it_is(run);
}

fs::path RunRecord::last_checkpoint() const { return dir / "checkpoints" / "last.safetensors"; }

const EpochPoint* RunRecord::last_test() const {
  const auto found = std::find_if(epochs.rbegin(), epochs.rend(), [](const EpochPoint& p) { return p.test_top1; });
  return found == epochs.rend() ? nullptr : &*found;
}

const EpochPoint* RunRecord::best_test() const {
  const EpochPoint* best = nullptr;
  for (const EpochPoint& p : epochs)
    if (p.test_top1 && (!best || *p.test_top1 > *best->test_top1)) best = &p;
  return best;
}

RunRecord read_run(const fs::path& given) {
  RunRecord run;
  run.dir = given.lexically_normal();
  if (!run.dir.has_filename()) run.dir = run.dir.parent_path();
  run.name = fs::absolute(run.dir).lexically_normal().filename().string();
  std::error_code ignored;
  if (!fs::is_directory(run.dir, ignored)) fail_usage("{}: there is no such run directory", run.dir.string());
  if (!fs::exists(run.dir / "config.yaml", ignored)) {
    std::string inside;
    for (const auto& entry : fs::directory_iterator(run.dir, ignored))
      if (inside.empty() && fs::exists(entry.path() / "config.yaml", ignored)) inside = entry.path().string();
    fail_usage("{}: holds no run (no config.yaml){}", run.dir.string(),
               inside.empty() ? "" : fmt::format("; its folders do: name them, e.g. {}", inside));
  }
  try {
    run.config = load_config((run.dir / "config.yaml").string(), {}).config;
  } catch (const UsageError& e) {
    throw Error(e.what());
  }
  run.weights = best_weights(run.config.train);
  // Asked before anything is read: what has ended since then has ended well.
  if (run_in_use(run.dir)) run.state = RunState::running;
  read_position(run.last_checkpoint(), run);
  read_metrics(run.dir / "metrics.jsonl", run);
  judge(run);
  return run;
}

std::vector<RunRecord> read_runs(const std::vector<fs::path>& dirs) {
  std::vector<RunRecord> runs;
  runs.reserve(dirs.size());
  std::map<fs::path, size_t> seen;
  for (const fs::path& dir : dirs) {
    runs.push_back(read_run(dir));
    std::error_code ignored;
    const fs::path where = fs::weakly_canonical(runs.back().dir, ignored);
    if (!seen.emplace(where, runs.size()).second) fail_usage("{}: is given twice", dir.string());
  }
  std::map<std::string, int> count;
  for (const RunRecord& run : runs) ++count[run.name];
  for (auto& [name, many] : count) {
    if (many == 1) continue;
    std::vector<RunRecord*> equal;
    for (RunRecord& run : runs)
      if (run.name == name) equal.push_back(&run);
    for (int parts = 2, differ = 0; !differ && parts < 64; ++parts) {
      std::map<std::string, int> names;
      for (RunRecord* run : equal) ++names[run->name = last_parts(fs::weakly_canonical(run->dir), parts)];
      differ = names.size() == equal.size();
    }
  }
  return runs;
}

}  // namespace ghost
