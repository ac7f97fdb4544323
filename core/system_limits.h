// How much of the machine this process may use: of a container often less than there is.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace ghost {

struct CoreLimit {
  int cores = 1;     // min(affinity, ⌈quota / period⌉), at least 1
  double quota = 0;  // of processor time, in cores; 0: no quota
  // "a quota of 1.5 cores" where that is less than the affinity allows; else empty.
  std::string reason = {};
};

struct MemoryLimit {
  int64_t available = 0;  // bytes that can still be had without swapping
  std::string reason{};   // what says so: "MemAvailable", or a file of the control group
};

// Reads /proc and the control groups (v1 and v2) with all groups above this process's. What cannot be read limits
// nothing. `root` is where /proc and /sys are, for tests; affinity is always this process's own.
CoreLimit core_limit(const std::filesystem::path& root = "/");
MemoryLimit memory_limit(const std::filesystem::path& root = "/");

}  // namespace ghost
