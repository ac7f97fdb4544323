// Aligned memory that is kept for the next step: after the first training step nothing is asked of the system.
#pragma once
#include <cstddef>
#include <cstdint>

namespace ghost {

// A block from the cache, 64-byte aligned. Contents are undefined. Under the address sanitizer every block is a fresh
// malloc, so that the sanitizer sees each use after free and each overrun.
class Storage {
 public:
  explicit Storage(size_t bytes);  // throws Error when the system has no more memory
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_;
  size_t bytes_, requested_;
};

struct MemoryStats {
  int64_t bytes_in_use = 0;          // handed out now
  int64_t peak_bytes_in_use = 0;     // since the start or the last reset_peak_memory()
  int64_t bytes_requested = 0;       // of those in use, what was asked for: blocks are larger
  int64_t peak_bytes_requested = 0;  // as above
  int64_t bytes_reserved = 0;        // in use and cached
  int64_t system_allocations = 0;    // blocks that had to be asked of the system so far
};
MemoryStats memory_stats();
void reset_peak_memory();
int64_t peak_resident_bytes();  // of the process, from the kernel

// New blocks are filled with NaN, so that a kernel that reads memory before it is written is seen. For tests.
void set_memory_poison(bool on);

}  // namespace ghost
