// Working memory of one thread, kept between calls.
#pragma once
#include <cstdint>

#include "core/bf16.h"

namespace ghost {

// At least `count` elements that belong to this thread until it asks for the same slot again; contents undefined.
enum class ScratchSlot { values, gradient, row, result, elements, products, gradient_elements, count };
template <class T>
T* scratch(ScratchSlot slot, int64_t count);

}  // namespace ghost
