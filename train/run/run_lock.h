// One process at a time trains a run. It holds a lock on the file .lock of the run's folder, from before it reads or
// writes anything else there to its end. The system takes the lock back when a process ends, however it ends; the file
// stays. On file systems without locks there is none.
#pragma once
#include <filesystem>

namespace ghost {

class RunLock {
 public:
  static constexpr const char* kFileName = ".lock";
  // Throws UsageError if another process, or another RunLock of this one, holds the lock, and Error naming the folder
  // and the system's reason if its file cannot be opened.
  explicit RunLock(const std::filesystem::path& dir);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_ = -1;
};

// Whether a process, this one included, trains the run in this folder now. Changes nothing and is in nobody's way.
bool run_in_use(const std::filesystem::path& dir);

// Throws the UsageError of RunLock if run_in_use().
void require_unused(const std::filesystem::path& dir);

}  // namespace ghost
