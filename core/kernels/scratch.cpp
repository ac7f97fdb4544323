#include "core/kernels/scratch.h"

#include <array>
#include <memory>

#include "core/memory.h"

namespace ghost {

template <class T>
T* scratch(ScratchSlot slot, int64_t count) {
  // Per thread: a pool that threads share would need a lock on every row.
  static thread_local std::array<std::unique_ptr<Storage>, static_cast<size_t>(ScratchSlot::count)> slots;
  auto& storage = slots[static_cast<size_t>(slot)];
  const size_t bytes = static_cast<size_t>(count) * sizeof(T);
  if (!storage || storage->bytes() < bytes) {
    storage.reset();
    storage = std::make_unique<Storage>(bytes);
  }
  return static_cast<T*>(storage->data());
}

template float* scratch<float>(ScratchSlot, int64_t);
template double* scratch<double>(ScratchSlot, int64_t);

}  // namespace ghost
