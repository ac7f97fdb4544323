#include "core/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/memory_cache.h"
#include "core/system_block.h"

#if defined(__SANITIZE_ADDRESS__)
#define GHOST_PASS_THROUGH 1
#else
#define GHOST_PASS_THROUGH 0
#endif

namespace ghost {
namespace {

constexpr size_t kAlignment = 64;

// Addresses that may ever be needed: more than the machine has memory, unless this process may have fewer.
size_t address_space() {
  const auto pages = static_cast<size_t>(std::max<long>(sysconf(_SC_PHYS_PAGES), 1));
  size_t bytes = 2 * pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    bytes = std::min<size_t>(bytes, limit.rlim_cur / 4);
  return bytes;
}

// Never destroyed: tensors with static lifetime may outlive it otherwise.
struct Memory {
  std::mutex lock;
  Arena arena{GHOST_PASS_THROUGH ? 0 : address_space()};
  MemoryStats stats;  // of bytes_reserved and system_allocations only what lies beside the arena
  bool poison = false;

  void count(size_t bytes, size_t requested) {
    stats.bytes_in_use += static_cast<int64_t>(bytes);
    stats.peak_bytes_in_use = std::max(stats.peak_bytes_in_use, stats.bytes_in_use);
    stats.bytes_requested += static_cast<int64_t>(requested);
    stats.peak_bytes_requested = std::max(stats.peak_bytes_requested, stats.bytes_requested);
  }
  void uncount(size_t bytes, size_t requested) {
    stats.bytes_in_use -= static_cast<int64_t>(bytes);
    stats.bytes_requested -= static_cast<int64_t>(requested);
  }
  void* from_system(size_t bytes) {
    void* p = GHOST_PASS_THROUGH ? std::malloc(bytes)
                                 : std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (!p) fail("memory: the system has no {} MiB left for a tensor", (bytes + (1 << 20) - 1) >> 20);
    stats.system_allocations++;
    stats.bytes_reserved += static_cast<int64_t>(bytes);
    return p;
  }
  void to_system(void* p, size_t bytes) {
    std::free(p);
    stats.bytes_reserved -= static_cast<int64_t>(bytes);
  }
};
Memory& memory() {
  static auto* m = new Memory;
  return *m;
}

}  // namespace

Storage::Storage(size_t bytes)
    : data_(nullptr),
      bytes_(GHOST_PASS_THROUGH ? std::max<size_t>(bytes, 1) : Arena::rounded(bytes)),
      requested_(bytes) {
  Memory& m = memory();
  const std::lock_guard hold(m.lock);
  if (!GHOST_PASS_THROUGH) data_ = m.arena.take(bytes_);
  if (!data_) data_ = m.from_system(bytes_);
  m.count(bytes_, requested_);
  if (m.poison) std::memset(data_, 0xFF, bytes_);  // a NaN in f32 and f64
}

Storage::~Storage() {
  Memory& m = memory();
  const std::lock_guard hold(m.lock);
  m.uncount(bytes_, requested_);
  if (GHOST_PASS_THROUGH || !m.arena.give_back(data_, bytes_)) m.to_system(data_, bytes_);
}

SystemBlock::SystemBlock(size_t bytes) : data_(nullptr), bytes_(std::max<size_t>(bytes, 1)) {
  Memory& m = memory();
  const std::lock_guard hold(m.lock);
  data_ = m.from_system(bytes_);
  m.count(bytes_, bytes_);
  if (m.poison) std::memset(data_, 0xFF, bytes_);
}

SystemBlock::~SystemBlock() {
  Memory& m = memory();
  const std::lock_guard hold(m.lock);
  m.uncount(bytes_, bytes_);
  m.to_system(data_, bytes_);
}

MemoryStats memory_stats() {
  Memory& m = memory();
  const std::lock_guard hold(m.lock);
  MemoryStats stats = m.stats;
  stats.bytes_reserved += static_cast<int64_t>(m.arena.reserved());
  stats.system_allocations += m.arena.system_allocations();
  return stats;
}

void reset_peak_memory() {
  const std::lock_guard hold(memory().lock);
  MemoryStats& stats = memory().stats;
  stats.peak_bytes_in_use = stats.bytes_in_use;
  stats.peak_bytes_requested = stats.bytes_requested;
}

void release_cached_memory() {
  Memory& m = memory();
  const std::lock_guard hold(m.lock);
  m.arena.release();
}

void set_memory_poison(bool on) {
  const std::lock_guard hold(memory().lock);
  memory().poison = on;
}

int64_t peak_resident_bytes() {
  // getrusage counts what the process was before exec as well: of a large program that starts a small one, its own.
  std::ifstream status("/proc/self/status");
  constexpr std::string_view kPeak = "VmHWM:";
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(kPeak)) return std::strtoll(line.c_str() + kPeak.size(), nullptr, 10) * 1024;  // kB
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;  // Linux counts KiB
}

}  // namespace ghost
