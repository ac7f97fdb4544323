#include "core/numerics.h"

#include <atomic>

namespace ghost {
namespace {

std::atomic<Numerics> setting{Numerics::fast};

}  // namespace

Numerics numerics() { return setting.load(std::memory_order_relaxed); }
void set_numerics(Numerics numerics) { setting.store(numerics, std::memory_order_relaxed); }

}  // namespace ghost
