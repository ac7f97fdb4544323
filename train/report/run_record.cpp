#include "train/report/run_record.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/safetensors.h"
#include "train/run/metrics_log.h"
#include "train/run/run_dir.h"

namespace ghost {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;
constexpr size_t kMostProblems = 5;  // of one file; more are counted

class Line {
 public:
  explicit Line(const Json& json) : json_(json) {}
  double number(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end() || !found->is_number()) fail("has no number \"{}\"", key);
    return found->get<double>();
  }
  int64_t count(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end() || !found->is_number_integer() || found->get<int64_t>() < 1)
      fail("has no positive integer \"{}\"", key);
    return found->get<int64_t>();
  }
  std::optional<double> number_if(const char* key) const {
    return json_.contains(key) ? std::optional(number(key)) : std::nullopt;
  }

 private:
  const Json& json_;
};

StepPoint step_point(const Line& line) {
  return {.step = line.count("step"),
          .seconds = line.number("seconds"),
          .loss = line.number("loss"),
          .top1 = line.number("top1"),
          .lr = line.number("lr")};
}

EpochPoint epoch_point(const Line& line) {
  EpochPoint p;
  p.epoch = line.count("epoch");
  p.step = line.count("step");
  p.seconds = line.number("seconds");
  p.loss = line.number("loss");
  p.top1 = line.number("top1");
  p.lr = line.number("lr");
  p.images_per_second = line.number("images_per_second");
  p.train_seconds = line.number("train_seconds");
  p.test_seconds = line.number("test_seconds");
  p.test_loss = line.number_if("test_loss");
  p.test_top1 = line.number_if("test_top1");
  p.test_top5 = line.number_if("test_top5");
  if (const auto bytes = line.number_if("peak_memory")) p.peak_memory = static_cast<int64_t>(*bytes);
  return p;
}

template <class Point>
void append(std::vector<Point>& points, Point point) {
  if (!points.empty() && point.step <= points.back().step)
    fail("speaks of step {} after step {}", point.step, points.back().step);
  points.push_back(std::move(point));
}

void read_line(const std::string& text, RunRecord& run) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) fail("is not a JSON object");
  const std::string kind = json.contains("kind") && json["kind"].is_string() ? json["kind"].get<std::string>() : "";
  if (kind == "step")
    append(run.steps, step_point(Line(json)));
  else if (kind == "epoch")
    append(run.epochs, epoch_point(Line(json)));
  else if (kind.empty())
    fail("has no \"kind\"");
}

void read_metrics(const fs::path& file, RunRecord& run) {
  std::ifstream in(file, std::ios::binary);
  std::error_code ignored;
  if (!in) {
    if (fs::exists(file, ignored))
      run.problems.push_back(fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno)));
    return;
  }
  size_t number = 0, problems = 0;
  const auto problem = [&](const std::string& what) {
    if (++problems <= kMostProblems)
      run.problems.push_back(fmt::format("{}:{}: {}; the line is left out", file.string(), number, what));
  };
  for (std::string text; std::getline(in, text);) {
    ++number;
    if (in.eof()) {
      // The line that is being written has no end yet.
      if (run.state != RunState::running) problem("is cut short");
      break;
    }
    try {
      read_line(text, run);
    } catch (const Error& e) {
      problem(e.what());
    }
  }
  if (problems > kMostProblems)
    run.problems.push_back(fmt::format("{}: {} more lines are left out", file.string(), problems - kMostProblems));
}

void read_position(const fs::path& file, RunRecord& run) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  try {
    const auto metadata = read_safetensors_metadata(file);
    const auto json = [&](const char* key) { return Json::parse(metadata.at(key)); };
    RunRecord::Position position;
    position.epoch = json("epoch").get<int64_t>();
    position.step = json("step").get<int64_t>();
    position.classes = json("classes").get<std::vector<std::string>>();
    position.image_size = json("preprocessing").at("image_size").get<int64_t>();
    position.channels = json("preprocessing").at("channels").get<int64_t>();
    position.test_images = json("progress").at("test").at("count").get<int64_t>();
    run.last = std::move(position);
  } catch (const Error& e) {
    run.problems.emplace_back(e.what());
  } catch (const std::exception&) {
    run.problems.push_back(fmt::format("{}: its metadata are not those of a checkpoint of ghost-train", file.string()));
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
  const int64_t wanted = run.config.train.epochs;
  return fmt::format("epoch {} of {}", std::min(epochs_done(run) + 1, wanted), wanted);
}

void judge(RunRecord& run) {
  const int64_t step =
      std::max(run.steps.empty() ? 0 : run.steps.back().step, run.epochs.empty() ? 0 : run.epochs.back().step);
  if (epochs_done(run) >= run.config.train.epochs) {
    run.state = RunState::finished;
    run.state_text = "finished";
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
  if (!holds_run(run.dir) || !fs::exists(run.dir / "config.yaml", ignored)) {
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
  // Asked before anything is read: what has ended since then has ended well.
  if (metrics_in_use(run.dir / "metrics.jsonl")) run.state = RunState::running;
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
