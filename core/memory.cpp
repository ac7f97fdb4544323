#include "core/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/resource.h>
#include <vector>

#include "core/error.h"
#include "core/memory_cache.h"

#if defined(__SANITIZE_ADDRESS__)
#define GHOST_PASS_THROUGH 1
#else
#define GHOST_PASS_THROUGH 0
#endif

namespace ghost {
namespace {

constexpr size_t kAlignment = 64, kHugePage = size_t{2} << 20;

// Free blocks by size. Never destroyed: tensors with static lifetime may outlive it otherwise.
struct Cache {
  std::mutex lock;
  std::multimap<size_t, void*> free;
  MemoryStats stats;
  bool poison = false;
};
Cache& cache() {
  static auto* c = new Cache;
  return *c;
}

// Sizes are rounded up to one of eight steps between powers of two, so that nearly equal requests share blocks.
size_t rounded(size_t bytes) {
  if (bytes <= 512) return (std::max<size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  size_t power = 512;
  while (power * 2 <= bytes) power *= 2;
  const size_t step = std::max(power / 8, kAlignment);
  return (bytes + step - 1) / step * step;
}

void* from_system(size_t bytes) {
  const size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kAlignment;
  void* p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!p) fail("memory: the system has no {} MiB left for a tensor", (bytes + (1 << 20) - 1) >> 20);
  if (alignment == kHugePage) madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

}  // namespace

Storage::Storage(size_t bytes)
    : data_(nullptr), bytes_(GHOST_PASS_THROUGH ? std::max<size_t>(bytes, 1) : rounded(bytes)), requested_(bytes) {
  Cache& c = cache();
  const std::lock_guard hold(c.lock);
  // A block up to a quarter larger serves as well: layers of nearly the same size take turns on it.
  if (const auto it = c.free.lower_bound(bytes_); it != c.free.end() && it->first <= bytes_ + bytes_ / 4) {
    bytes_ = it->first, data_ = it->second;
    c.free.erase(it);
  } else {
    data_ = GHOST_PASS_THROUGH ? std::malloc(bytes_) : from_system(bytes_);
    if (!data_) fail("memory: the system has no {} MiB left for a tensor", (bytes_ + (1 << 20) - 1) >> 20);
    c.stats.system_allocations++;
    c.stats.bytes_reserved += static_cast<int64_t>(bytes_);
  }
  c.stats.bytes_in_use += static_cast<int64_t>(bytes_);
  c.stats.peak_bytes_in_use = std::max(c.stats.peak_bytes_in_use, c.stats.bytes_in_use);
  c.stats.bytes_requested += static_cast<int64_t>(requested_);
  c.stats.peak_bytes_requested = std::max(c.stats.peak_bytes_requested, c.stats.bytes_requested);
  if (c.poison) std::memset(data_, 0xFF, bytes_);  // a NaN in f32 and f64
}

Storage::~Storage() {
  Cache& c = cache();
  const std::lock_guard hold(c.lock);
  c.stats.bytes_in_use -= static_cast<int64_t>(bytes_);
  c.stats.bytes_requested -= static_cast<int64_t>(requested_);
  if (GHOST_PASS_THROUGH) {
    c.stats.bytes_reserved -= static_cast<int64_t>(bytes_);
    std::free(data_);
  } else {
    c.free.emplace(bytes_, data_);
  }
}

MemoryStats memory_stats() {
  const std::lock_guard hold(cache().lock);
  return cache().stats;
}

void reset_peak_memory() {
  const std::lock_guard hold(cache().lock);
  MemoryStats& stats = cache().stats;
  stats.peak_bytes_in_use = stats.bytes_in_use;
  stats.peak_bytes_requested = stats.bytes_requested;
}

void release_cached_memory() {
  Cache& c = cache();
  const std::lock_guard hold(c.lock);
  for (const auto& [bytes, block] : c.free) {
    c.stats.bytes_reserved -= static_cast<int64_t>(bytes);
    std::free(block);
  }
  c.free.clear();
}

void set_memory_poison(bool on) {
  const std::lock_guard hold(cache().lock);
  cache().poison = on;
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
