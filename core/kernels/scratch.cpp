#include "core/kernels/scratch.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "core/parallel.h"
#include "core/system_block.h"

namespace ghost {
namespace {

constexpr size_t kSlots = static_cast<size_t>(ScratchSlot::count);
using Block = std::unique_ptr<SystemBlock>;

size_t bytes_of(const Block& block) { return block ? block->bytes() : 0; }

// The blocks of one thread. next: made by another one, taken when it is needed.
struct Set {
  std::array<Block, kSlots> own, next;
  bool taken = true;
  size_t has(size_t slot) const { return std::max(bytes_of(own[slot]), bytes_of(next[slot])); }
};

// What one thread needs the others will need as well, when a chunk comes to them: all sets grow together, also those of
// threads that have had no chunk yet, so that no later step asks the system because its chunks went to other threads.
struct Registry {
  std::mutex lock;
  std::vector<std::unique_ptr<Set>> sets;

  size_t largest(size_t slot) const {
    size_t bytes = 0;
    for (const auto& set : sets) bytes = std::max(bytes, set->has(slot));
    return bytes;
  }
  Set* add(bool taken) {
    auto set = std::make_unique<Set>();
    set->taken = taken;
    for (size_t slot = 0; slot < kSlots; ++slot)
      if (const size_t bytes = largest(slot); bytes > 0) set->next[slot] = std::make_unique<SystemBlock>(bytes);
    return sets.emplace_back(std::move(set)).get();
  }
  Set* take() {
    for (const auto& set : sets)
      if (!set->taken) return set->taken = true, set.get();
    return add(true);
  }
};
Registry& registry() {
  static auto* r = new Registry;  // threads may outlive static objects
  return *r;
}

class ThreadScratch {
 public:
  ThreadScratch() {
    const std::lock_guard hold(registry().lock);
    set_ = registry().take();
  }
  ~ThreadScratch() {
    const std::lock_guard hold(registry().lock);
    set_->taken = false;
  }
  ThreadScratch(const ThreadScratch&) = delete;
  ThreadScratch& operator=(const ThreadScratch&) = delete;

  // Blocks of one's own are read without a lock, and changed under it.
  void* get(size_t slot, size_t bytes) {
    if (bytes_of(set_->own[slot]) < bytes) grow(slot, bytes);
    return set_->own[slot]->data();
  }

 private:
  void grow(size_t slot, size_t bytes) {
    Registry& all = registry();
    const std::lock_guard hold(all.lock);
    while (std::ssize(all.sets) < threads()) all.add(false);
    bytes = std::max(bytes, all.largest(slot));
    set_->own[slot].reset();  // before its successor is made
    for (const auto& set : all.sets)
      if (set->has(slot) < bytes) {
        set->next[slot].reset();
        set->next[slot] = std::make_unique<SystemBlock>(bytes);
      }
    set_->own[slot] = std::move(set_->next[slot]);
  }

  Set* set_;
};

}  // namespace

template <class T>
T* scratch(ScratchSlot slot, int64_t count) {
  // Per thread: a pool that threads share would need a lock on every row.
  static thread_local ThreadScratch mine;
  return static_cast<T*>(mine.get(static_cast<size_t>(slot), static_cast<size_t>(count) * sizeof(T)));
}

template float* scratch<float>(ScratchSlot, int64_t);
template double* scratch<double>(ScratchSlot, int64_t);
template bf16* scratch<bf16>(ScratchSlot, int64_t);

}  // namespace ghost
