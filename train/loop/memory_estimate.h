// The memory that training takes: told before it is taken, and compared with what there is.
#pragma once
#include <optional>
#include <string>

#include "core/system_limits.h"
#include "nn/cost.h"
#include "nn/memory_profile.h"
#include "train/config/config.h"

namespace ghost {

// What a training process holds in memory at its peak, in bytes. The report that it writes at its end is not counted.
struct MemoryEstimate {
  int64_t program = 0;     // code, libraries, this program's own small things
  int64_t parameters = 0;  // buffers included
  int64_t optimizer = 0;   // its state
  int64_t averages = 0;    // weights that hooks keep beside the model's (train.ema, train.lookahead)
  // Activations, gradients of them and of the parameters, and the kernels' workspace, of a training step and the
  // evaluation after it, with the memory that is kept for the next step.
  int64_t step = 0;
  int64_t batches = 0;     // loaded ahead, for training and testing
  int64_t images = 0;      // of the data set, where it stays in memory
  int64_t checkpoint = 0;  // the copy of parameters and state that is written
  int64_t total() const { return program + parameters + optimizer + averages + step + batches + images + checkpoint; }
};

// A model on images of one size, before its values matter.
struct EstimatedModel {
  Module& model;
  const NetworkCost& cost;  // of one image
  Shape image;              // (H, W, C)
};

// Images to run at once when memory is measured: few, so that it does not take long; not too few, for what does not
// grow with the batch is told from what does.
int64_t images_to_measure(const NetworkCost& cost);
// About what measuring takes, by the sizes of all results and of the parameters.
int64_t bytes_to_measure(const NetworkCost& cost);
// Runs the model (nn/memory_profile.h) as training with micro-batches of `batch` images would.
MemoryProfile measure_memory(const EstimatedModel& of, const Config& config, int64_t batch);
// `program`: bytes that the process held before the model was built.
MemoryEstimate estimate_memory(const EstimatedModel& of, const MemoryProfile& profile, const Config& config,
                               int64_t batch, int64_t program);

// Whether what training takes is there; both sentences are empty if it is by far.
struct MemoryVerdict {
  std::string warning;  // it is close, or a little short
  std::string refusal;  // it is far too little: the system would end the program
};
// `needed` bytes of which the process holds none yet, for each possible train.accumulate; so that a better one is
// named.
MemoryVerdict compare_memory(const std::function<int64_t(int64_t accumulate)>& needed, const TrainConfig& train,
                             const MemoryLimit& limit);

// For a trainer that holds its data, its model and the optimizer's state. Measures only where the sizes of all results
// say that it might be close; the model's values and buffers are the same afterwards, its gradients cleared.
MemoryVerdict check_memory(Module& model, const Shape& image, const Config& config, const MemoryLimit& limit);

}  // namespace ghost
