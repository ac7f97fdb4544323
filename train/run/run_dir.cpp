#include "train/run/run_dir.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

#include "core/safetensors.h"

namespace ghost {

namespace fs = std::filesystem;

namespace {

void create_folder(const fs::path& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error)
    fail("run directory {} cannot be created: {}; choose another with --run DIR", dir.string(), error.message());
  if (!fs::is_directory(dir, error)) fail("run directory {} is a file; choose another with --run DIR", dir.string());
}

// Permission bits do not tell (root, read-only mounts, quotas): only writing does.
void require_writable(const fs::path& dir) {
  const fs::path probe = dir / ".write-test";
  std::FILE* file = std::fopen(probe.c_str(), "w");
  const bool written = file && std::fputc('x', file) != EOF && std::fflush(file) == 0;
  const int reason = errno;
  if (file) std::fclose(file);
  std::error_code ignored;
  fs::remove(probe, ignored);
  if (!written)
    fail("run directory {} cannot be written: {}; choose another with --run DIR", dir.string(), std::strerror(reason));
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

}  // namespace

bool holds_run(const fs::path& dir) {
  std::error_code ignored;
  for (const char* name : {"config.yaml", "metrics.jsonl", "train.log", "checkpoints"})
    if (fs::exists(dir / name, ignored)) return true;
  return false;
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
    if (holds_run(path))
      fail_usage("run directory {} holds a run already: continue it with --resume {}, or start anew with --run {}",
                 path.string(), path.string(), free_name(path).string());
    create_folder(path);
  }
  require_writable(path);
  return RunDir(path);
}

void RunDir::begin(const std::string& config_yaml) const {
  create_folder(path_ / "checkpoints");
  write_file_atomically(config(), config_yaml);
}

void RunDir::abandon() const {
  std::error_code ignored;
  if (fs::exists(last(), ignored)) return;
  fs::remove(config(), ignored);
  for (const fs::path& dir : {path_ / "checkpoints", path_}) fs::remove(dir, ignored);  // only if empty
}

RunDir RunDir::open(const std::string& dir) {
  const RunDir run(without_trailing_slash(dir));
  std::error_code ignored;
  if (!fs::exists(run.path(), ignored)) fail_usage("--resume {}: there is no such directory", run.path().string());
  if (!fs::exists(run.last(), ignored)) {
    // The path of a checkpoint, or of the folder of checkpoints, is an easy slip.
    fs::path above = run.path();
    for (int level = 0; level < 2; ++level) {
      above = above.has_parent_path() ? above.parent_path() : fs::path(".");
      if (fs::exists(RunDir(above).last(), ignored))
        fail_usage("--resume {}: expects the run directory, which is {}", run.path().string(), above.string());
    }
    fail_usage("--resume {}: holds no checkpoints/last.safetensors, so there is no run to continue",
               run.path().string());
  }
  require_writable(run.path());
  require_writable(run.path() / "checkpoints");
  return run;
}

}  // namespace ghost
