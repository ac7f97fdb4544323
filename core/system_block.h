#pragma once
#include <cstddef>

namespace ghost {

// Memory beside the arena of memory.h, straight from the system and back, in memory_stats() all the same. For what
// threads keep for themselves: they ask at times that differ from run to run, and would leave holes between tensors
// that differ likewise. 64-byte aligned, contents undefined.
class SystemBlock {
 public:
  explicit SystemBlock(size_t bytes);  // throws Error when the system has no more memory
  ~SystemBlock();
  SystemBlock(const SystemBlock&) = delete;
  SystemBlock& operator=(const SystemBlock&) = delete;
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_;
  size_t bytes_;
};

}  // namespace ghost
