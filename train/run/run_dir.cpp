#include "train/run/run_dir.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/quoted.h"
#include "core/safetensors.h"

namespace ghost {

namespace fs = std::filesystem;

namespace {

constexpr const char* kWriteTest = ".write-test";

void create_folder(const fs::path& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error)
    fail("run directory {} cannot be created: {}; choose another with --run DIR", dir.string(), error.message());
  if (!fs::is_directory(dir, error)) fail("run directory {} is a file; choose another with --run DIR", dir.string());
}

// The first of <base>-1, <base>-2, … that does not exist.
fs::path free_name(const fs::path& base) {
  for (int n = 1;; ++n) {
    fs::path candidate = base;
    candidate += "-" + std::to_string(n);
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(candidate, ignored))) return candidate;
  }
}

// "runs/a/" → "runs/a", so that a name can be appended.
fs::path without_trailing_slash(const std::string& dir) {
  const fs::path path = fs::path(dir).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

bool is_checkpoint(const fs::path& file) { return file.extension() == ".safetensors"; }

// The files in a folder, by name; none if it cannot be read.
std::vector<fs::path> files_in(const fs::path& dir) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (fs::directory_iterator i(dir, ignored), end; !ignored && i != end; i.increment(ignored))
    files.push_back(i->path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string name_of_epoch(int64_t epoch) { return fmt::format("epoch-{}.safetensors", epoch); }

// "epoch-12.…" → 12; nothing where name_of_epoch() gives no such beginning.
std::optional<int64_t> epoch_of(std::string_view name) {
  constexpr std::string_view kBegin = "epoch-";
  if (!name.starts_with(kBegin)) return {};
  int64_t epoch = 0;
  const auto [end, error] = std::from_chars(name.data() + kBegin.size(), name.data() + name.size(), epoch);
  if (error != std::errc() || epoch < 1 || !name.starts_with(name_of_epoch(epoch))) return {};
  return epoch;
}

// A name under which an unfinished file of a run was left.
bool is_left_over(const fs::path& file) {
  constexpr std::array kWritten{"config.yaml", "metrics.jsonl",    "metrics.csv",
                                "report.html", "last.safetensors", "best.safetensors"};
  const std::string name = file.filename().string();
  if (const auto epoch = epoch_of(std::string_view(name).substr(name.starts_with('.') ? 1 : 0));
      epoch && is_temporary_name(name, name_of_epoch(*epoch)))
    return true;
  return name == kWriteTest || std::any_of(kWritten.begin(), kWritten.end(),
                                           [&](const char* written) { return is_temporary_name(name, written); });
}

// Whether config.yaml was left by a run that ended before its first checkpoint: a file of somebody's own has no lock
// beside it.
bool has_begun(const fs::path& dir) {
  std::error_code ignored;
  return fs::exists(dir / "config.yaml", ignored) && fs::exists(dir / RunLock::kFileName, ignored);
}

// Files that no run makes before its first checkpoint.
std::vector<fs::path> foreign_files(const fs::path& dir) {
  std::vector<fs::path> foreign;
  std::error_code ignored;
  const bool begun = has_begun(dir);
  for (const fs::path& file : files_in(dir)) {
    const std::string name = file.filename().string();
    if (name == RunLock::kFileName || (begun && name == "config.yaml") || is_left_over(file)) continue;
    if (name != "checkpoints" || !fs::is_directory(file, ignored)) {
      foreign.push_back(file);
      continue;
    }
    for (const fs::path& inside : files_in(file))
      if (!is_left_over(inside)) foreign.push_back(inside);
  }
  return foreign;
}

// Throws UsageError if a new run may not have the folder, whoever trains in it.
void require_free(const fs::path& dir) {
  if (holds_run(dir))
    fail_usage("run directory {} holds a run already: continue it with --resume {}, or start anew with --run {}",
               dir.string(), shell_word(dir.string()), shell_word(free_name(dir).string()));
  const std::vector<fs::path> foreign = foreign_files(dir);
  if (foreign.empty()) return;
  std::vector<std::string> names;
  names.reserve(foreign.size());
  for (const fs::path& file : foreign) names.push_back(file.lexically_relative(dir).string());
  fail_usage("run directory {} holds other files ({}): choose a new or an empty folder, e.g. --run {}", dir.string(),
             quoted_names(names, 3), shell_word(free_name(dir / "run").string()));
}

}  // namespace

bool holds_run(const fs::path& dir) {
  std::error_code ignored;
  if (fs::exists(dir / "metrics.jsonl", ignored) || fs::exists(dir / "train.log", ignored)) return true;
  const std::vector<fs::path> files = files_in(dir / "checkpoints");
  return std::any_of(files.begin(), files.end(), is_checkpoint);
}

fs::path checkpoint_file(const std::string& given) {
  const fs::path path(given);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) fail("--checkpoint {}: there is no such file", given);
  if (!fs::is_directory(path, ignored)) return path;
  for (const char* name :
       {"checkpoints/best.safetensors", "checkpoints/last.safetensors", "best.safetensors", "last.safetensors"})
    if (fs::exists(path / name, ignored)) return path / name;
  fail("--checkpoint {}: is a directory without checkpoints/best.safetensors or checkpoints/last.safetensors", given);
}

RunDir RunDir::create(const std::string& dir, const std::string& name) {
  fs::path path;
  if (dir.empty()) {
    const fs::path base = fs::path("runs") / (name.empty() ? "run" : name);
    create_folder(base.parent_path());
    // Another program may take the name between the look and the creation; then the next one is tried.
    std::error_code error;
    for (bool made = false; !made;) {
      path = free_name(base);
      made = fs::create_directory(path, error);
      if (error)
        fail("run directory {} cannot be created: {}; choose another with --run DIR", path.string(), error.message());
    }
  } else {
    path = without_trailing_slash(dir);
    require_unused(path);
    require_free(path);
    create_folder(path);
  }
  RunDir run(path);
  run.take_lock();
  require_free(path);  // another may have been faster
  run.remove_temporaries();
  try {
    run.require_writable();
  } catch (const Error&) {
    run.abandon();
    throw;
  }
  return run;
}

void RunDir::begin(const std::string& config_yaml) const {
  create_folder(path_ / "checkpoints");
  write_file_atomically(config(), config_yaml);
}

void RunDir::abandon() const {
  std::error_code ignored;
  if (fs::exists(last(), ignored)) return;
  remove_temporaries();
  fs::remove(config(), ignored);
  fs::remove(path_ / RunLock::kFileName, ignored);
  for (const fs::path& dir : {path_ / "checkpoints", path_}) fs::remove(dir, ignored);  // only if empty
}

fs::path RunDir::of_epoch(int64_t epoch) const { return path_ / "checkpoints" / name_of_epoch(epoch); }

void RunDir::remove_epochs(int64_t kept, int64_t epoch) const {
  std::vector<int64_t> epochs;
  for (const fs::path& file : files_in(path_ / "checkpoints"))
    if (const auto number = epoch_of(file.filename().string()); number && file == of_epoch(*number))
      epochs.push_back(*number);
  std::sort(epochs.begin(), epochs.end(), std::greater<>());
  for (const int64_t number : epochs) {
    std::error_code ignored;
    if (number > epoch || kept-- <= 0) fs::remove(of_epoch(number), ignored);
  }
}

RunDir RunDir::find(const std::string& dir) {
  RunDir run(without_trailing_slash(dir));
  std::error_code ignored;
  if (!fs::exists(run.path(), ignored)) fail_usage("--resume {}: there is no such directory", run.path().string());
  if (fs::exists(run.last(), ignored)) return run;
  // The path of a checkpoint, or of the folder of checkpoints, is an easy slip.
  fs::path above = run.path();
  for (int level = 0; level < 2; ++level) {
    above = above.has_parent_path() ? above.parent_path() : fs::path(".");
    if (fs::exists(RunDir(above).last(), ignored))
      fail_usage("--resume {}: expects the run directory, which is {}", run.path().string(), above.string());
  }
  const bool began = has_begun(run.path()) && !holds_run(run.path());
  fail_usage("--resume {}: holds no checkpoints/last.safetensors, so there is no run to continue{}",
             run.path().string(),
             began ? fmt::format("; it ended before its first checkpoint: start it anew with --config {} --run {}",
                                 shell_word(run.config().string()), shell_word(run.path().string()))
                   : "");
}

RunDir RunDir::open(const std::string& dir) {
  RunDir run = find(dir);
  run.take_lock();
  run.remove_temporaries();
  run.require_writable();
  return run;
}

// Permission bits do not tell (root, read-only mounts, quotas): only writing does.
void RunDir::require_writable() const {
  std::error_code ignored;
  for (const fs::path& dir : {path_, path_ / "checkpoints"}) {
    if (!fs::exists(dir, ignored)) continue;
    const fs::path probe = dir / kWriteTest;
    std::FILE* file = std::fopen(probe.c_str(), "we");
    const bool written = file && std::fputc('x', file) != EOF && std::fflush(file) == 0;
    const int reason = errno;
    if (file) std::fclose(file);
    fs::remove(probe, ignored);
    if (!written)
      fail("run directory {} cannot be written: {}; choose another with --run DIR", dir.string(),
           std::strerror(reason));
  }
}

void RunDir::remove_temporaries() const {
  std::error_code ignored;
  for (const fs::path& dir : {path_, path_ / "checkpoints"})
    for (const fs::path& file : files_in(dir))
      if (is_left_over(file)) fs::remove(file, ignored);
}

}  // namespace ghost
