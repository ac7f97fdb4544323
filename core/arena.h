// Addresses for tensors. Where a block lies is a function of the requests and returns before it, and of nothing else:
// not of how much has been asked of the system already. A training step that asks for what the step before asked for,
// and found the same blocks in use at its start, therefore ends at the same height and needs nothing new.
//
// Two stretches of addresses are reserved at the start, which costs nothing, and made usable from below as they fill.
// Small blocks come from one of them, in classes of size, each with a list of its own, newest first: there are many,
// and between large ones they would leave holes. Large blocks come from the other: the smallest hole that is large
// enough (best fit, the lowest of equals), else the free end above all blocks; a returned block joins the holes beside
// it. The end never counts as a hole, or a step would find other holes once it has grown.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace ghost {

// Addresses that become memory from the lowest on. Never unmapped.
class Reservation {
 public:
  explicit Reservation(size_t bytes);  // as much of that as the system grants; perhaps none
  bool holds(const void* p) const { return p >= base_ && p < base_ + reserved_; }
  char* base() const { return base_; }
  size_t usable() const { return usable_; }
  int64_t extensions() const { return extensions_; }  // so often was the system asked for more
  bool extend(size_t bytes);                          // at least so many usable; false: the system has no more
  void cut(size_t bytes);                             // gives back what lies above

 private:
  char* base_ = nullptr;
  size_t reserved_ = 0, usable_ = 0;
  int64_t extensions_ = 0;
};

// Not safe from several threads. Blocks are 64-byte aligned.
class Arena {
 public:
  explicit Arena(size_t bytes) : small_(bytes / 16), large_(bytes) {}

  static size_t rounded(size_t bytes);                // what a block for so many bytes takes; at least 64
  void* take(size_t rounded_bytes);                   // null: there is no more
  bool give_back(void* block, size_t rounded_bytes);  // false: it is not from here

  void release();  // what lies above the last large block goes back to the system, and the memory of holes
  size_t reserved() const { return small_end_ + large_top_; }  // what blocks have reached since release()
  int64_t system_allocations() const { return small_.extensions() + large_.extensions(); }

 private:
  static constexpr size_t kAlignment = 64, kSmall = 16384;  // bytes; a small block has at most so many
  void* take_small(size_t bytes);
  void* take_large(size_t bytes);
  void add_hole(char* at, size_t bytes);
  void remove_hole(std::map<char*, size_t>::iterator hole);

  Reservation small_, large_;
  size_t small_end_ = 0, large_end_ = 0;  // below them blocks and holes, above nothing
  size_t large_top_ = 0;                  // the highest that large_end_ has been since release()
  std::array<std::vector<void*>, kSmall / kAlignment + 1> small_free_;  // by size / 64
  std::map<char*, size_t> holes_;                                       // by address; no two touch
  std::set<std::pair<size_t, char*>> by_size_;                          // the same
};

}  // namespace ghost
