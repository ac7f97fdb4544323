// Weights in the order in which a kernel reads them. A training step packs anew what the last one has changed. Without
// gradients what was packed stays with the weights until they change, so that a single image does not wait for it.
#pragma once
#include <array>
#include <functional>
#include <memory>

#include "core/array.h"

namespace ghost {

// What the packed order follows from beside the weights: the kernels' table and whatever else they go by.
struct PackedOrder {
  const void* kernels;
  std::array<int64_t, 4> sizes;
  bool operator==(const PackedOrder&) const = default;
};

struct PackedWeights {
  PackedOrder order;
  uint64_t version;  // of the weights
  std::unique_ptr<Storage> memory;
};
using PackedWeightsPtr = std::shared_ptr<const PackedWeights>;

// Those that the weights keep, or `bytes` that pack() has filled. May be called by several threads at once.
PackedWeightsPtr packed_weights(const Array& weight, const PackedOrder& order, size_t bytes,
                                const std::function<void(void*)>& pack);

// Gives back the memory of what these weights keep, as a step of training that reads them does.
void drop_packed_weights(const Array& weight);

}  // namespace ghost
