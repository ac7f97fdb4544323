// A hook acts at named places of a training run: on the weights (a moving average, lookahead), on the inputs (mixup),
// on the loss (distillation) or on the update (clipping). One step passes the places in this order:
//
//   for each micro-batch    before_forward, forward, loss, backward
//   once                    before_update, the optimizer's update, after_update
//
// A hook is one unit in this folder and one line of hook_table().
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "data/loader.h"
#include "nn/module.h"

namespace ghost {

// The step that is being computed.
struct StepContext {
  Module& model;            // in training mode
  uint64_t seed = 0;        // of the run. Random numbers are a function of (seed, step, micro_batch) and nothing else
  int64_t epoch = 0;        // epochs completed in the run
  int64_t step = 0;         // steps completed in the run: 0 in the first step
  int64_t curve_step = 0;   // the same on curves over the run; differs from it where the run is laid out by time
  int64_t micro_batch = 0;  // number in the step
};

struct MicroBatch {
  Batch batch;  // images (N, H, W, C), labels (N) i64
  // What the loss compares the logits with: probabilities (N, K) where images were mixed or a hook says so, else
  // labels.
  Tensor targets;
};

// What the optimizer is about to do.
struct Update {
  double lr = 0;
  std::optional<double> momentum{};  // of the schedule; replaces the optimizer's own
  double gradient_scale = 1;         // the optimizer multiplies every gradient by it
  double gradient_norm = 0;  // L2 norm of all gradients, multiplied by the scale that came from the micro-batches
};

class TrainingHook {
 public:
  TrainingHook() = default;
  virtual ~TrainingHook() = default;
  TrainingHook(const TrainingHook&) = delete;
  TrainingHook& operator=(const TrainingHook&) = delete;

  // The model has the values that training starts from. A resumed run calls load_state() instead.
  virtual void start(Module& /*model*/) {}

  // May change the images and the targets. Hits are counted against what the batch came with: its targets, if images
  // were mixed, else its labels.
  virtual void before_forward(const StepContext&, MicroBatch&) {}
  // Gives the loss, a scalar, that backward starts from. `loss` is the mean cross entropy, or the result of the hook
  // before this one. logits (N, K).
  virtual Tensor loss(const StepContext&, const MicroBatch&, const Tensor& /*logits*/, const Tensor& loss) {
    return loss;
  }
  // All gradients of the step have arrived. May change what the optimizer is told.
  virtual void before_update(const StepContext&, Update&) {}
  // The optimizer has changed the weights. May change them again.
  virtual void after_update(const StepContext&) {}

  // A hook that has weights of its own, such as an average, exchanges the model's values for them, and a second call
  // exchanges them back. The trainer then tests these weights too, beside the model's. false: the hook has none.
  virtual bool swap_weights(Module& /*model*/) { return false; }

  // What the hook remembers from step to step, as copies. Tensors of parameters and buffers have PyTorch's axes, as
  // state_dict() gives them. A checkpoint keeps them in the hook's section (train/run/sections.h).
  virtual std::vector<NamedTensor> state() const { return {}; }
  // Takes back what state() gave. Throws Error that names what is missing or does not fit.
  virtual void load_state(const std::vector<NamedTensor>&) {}
};
using TrainingHookPtr = std::unique_ptr<TrainingHook>;

}  // namespace ghost
