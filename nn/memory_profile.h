// The memory that a model's activations take, found by running it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "nn/module.h"

namespace ghost {

// A number that grows linearly with the batch size: a line through two measured batch sizes.
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
  // By training batches: the most that tensors take at once in training steps, and in the evaluation after them, when
  // gradients are still there: activations, gradients of activations and of parameters, workspace of kernels; without
  // the parameters themselves.
  PerBatch steps, evaluation;
  int64_t process(int64_t batch) const { return std::max(steps.at(batch), evaluation.at(batch)); }
  const LayerMemory& model() const { return layers.front(); }
};

struct MemoryProfileOptions {
  int64_t images = 8;           // to run at once, and half of them; at least 4
  double evaluation_batch = 1;  // images that are tested at once, in training batches
};

// Runs training steps and inference on a few images of size (H, W, C). The module's mode and its buffers are restored;
// its parameters hold some gradient afterwards. Memory that other threads take meanwhile is counted too.
MemoryProfile measure_memory(Module& model, const Shape& image, const MemoryProfileOptions& options = {});

}  // namespace ghost
