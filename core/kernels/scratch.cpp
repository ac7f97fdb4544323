#include "core/kernels/scratch.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "core/system_block.h"

namespace ghost {
namespace {

constexpr size_t kSlots = static_cast<size_t>(ScratchSlot::count);
using Block = std::unique_ptr<SystemBlock>;

size_t bytes_of(const Block& block) { return block ? block->bytes() : 0; }

class ThreadScratch;

// What one thread needs the others will need as well, when another chunk comes to them: all grow together, so that no
// later step asks the system because its chunks went to other threads.
struct Registry {
  std::mutex lock;
  std::vector<ThreadScratch*> threads;
};
Registry& registry() {
  static auto* r = new Registry;  // threads may outlive static objects
  return *r;
}

class ThreadScratch {
 public:
  ThreadScratch() {
    const std::lock_guard hold(registry().lock);
    for (size_t slot = 0; slot < kSlots; ++slot)
      if (const size_t bytes = largest(slot); bytes > 0) next_[slot] = std::make_unique<SystemBlock>(bytes);
    registry().threads.push_back(this);
  }
  ~ThreadScratch() {
    const std::lock_guard hold(registry().lock);
    std::erase(registry().threads, this);
  }
  ThreadScratch(const ThreadScratch&) = delete;
  ThreadScratch& operator=(const ThreadScratch&) = delete;

  // Blocks of one's own are read without a lock, and changed under it.
  void* get(size_t slot, size_t bytes) {
    if (bytes_of(own_[slot]) < bytes) grow(slot, bytes);
    return own_[slot]->data();
  }

 private:
  size_t has(size_t slot) const { return std::max(bytes_of(own_[slot]), bytes_of(next_[slot])); }
  static size_t largest(size_t slot) {
    size_t bytes = 0;
    for (const ThreadScratch* thread : registry().threads) bytes = std::max(bytes, thread->has(slot));
    return bytes;
  }
  void grow(size_t slot, size_t bytes) {
    const std::lock_guard hold(registry().lock);
    bytes = std::max(bytes, largest(slot));
    own_[slot].reset();  // before its successor is made
    for (ThreadScratch* thread : registry().threads)
      if (thread->has(slot) < bytes) {
        thread->next_[slot].reset();
        thread->next_[slot] = std::make_unique<SystemBlock>(bytes);
      }
    own_[slot] = std::move(next_[slot]);
  }

  std::array<Block, kSlots> own_, next_;  // next: made by another thread, taken when it is needed
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

}  // namespace ghost
