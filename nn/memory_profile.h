// What a model's activations take in memory, found by running it.
#pragma once
#include <cstdint>
#include <vector>

#include "nn/module.h"

namespace ghost {

// A number that grows with the batch: exact for the batch sizes it was measured at, and a straight line through them.
struct PerBatch {
  double fixed = 0, per_image = 0;
  int64_t at(int64_t batch) const;  // never below 0
};

// Bytes of tensors, without the parameters and the input.
struct LayerMemory {
  PerBatch training;   // what the forward pass allocates here and below and backward still needs
  PerBatch inference;  // the most that is alive at once, anywhere in the model, while this module runs
};

struct MemoryProfile {
  std::vector<LayerMemory> layers;  // as model.modules()
  // The most that is alive at once in a training step, the workspace of kernels and all that training keeps included,
  // parameter gradients excluded.
  PerBatch step;
  const LayerMemory& model() const { return layers.front(); }
};

// Runs training steps and inference on a few images of size (H, W, C). The module's mode and its buffers are restored;
// its parameters hold some gradient afterwards. Memory that other threads take meanwhile is counted too.
MemoryProfile measure_memory(Module& model, const Shape& image);

// Images that measure_memory() runs at once.
int64_t images_to_measure(const Shape& image);

}  // namespace ghost
