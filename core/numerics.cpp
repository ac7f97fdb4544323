#include "core/numerics.h"

#include <atomic>

namespace ghost {
namespace {

std::atomic<Numerics> setting{Numerics::fast};
std::atomic<DType> stored{DType::f32};

}  // namespace

Numerics numerics() { return setting.load(std::memory_order_relaxed); }
void set_numerics(Numerics numerics) { setting.store(numerics, std::memory_order_relaxed); }

DType activation_type() { return stored.load(std::memory_order_relaxed); }
void set_activation_type(DType type) {
  if (type != DType::f32 && type != DType::bf16)
    fail("set_activation_type: activations are stored as f32 or bf16, not {}", name_of(type));
  stored.store(type, std::memory_order_relaxed);
}

}  // namespace ghost
