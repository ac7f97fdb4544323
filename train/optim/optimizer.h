// Update rules. Parameters and gradients are used where they are; everything an optimizer remembers is a named tensor,
// so that a resumed run continues with the same bits.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "nn/module.h"
#include "train/optim/optimizer_config.h"

namespace ghost {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // One update of every parameter that has a gradient; the others, and what is remembered of them, stay as they are.
  // Gradients are first multiplied by `gradient_scale` (clipping, the mean over micro-batches), then weight decay is
  // added. `momentum` replaces optimizer.momentum (sgd, rmsprop, rmsprop_tf, muon) or betas[0] (adam, adamw; with muon
  // also that of its AdamW). Throws Error,
  // before anything has changed, if lr is negative, a number is not finite, momentum is not in [0, 1), or a gradient
  // does not have its parameter's shape and dtype.
  virtual void step(double lr, std::optional<double> momentum = {}, double gradient_scale = 1) = 0;

  // L2 norm of all gradients taken as one vector, summed in f64; the same bits at any number of threads.
  virtual double gradient_norm() const = 0;
  virtual void clear_gradients() = 0;

  // What is remembered, as copies: "<slot>.<parameter>" (slots momentum_buffer, exp_avg, …) in the parameter's shape
  // with PyTorch's axes, as state_dict() has them; "step.<parameter>", i64 of rank 0, counts the parameter's updates.
  virtual std::vector<NamedTensor> state() const = 0;

  // Takes back what state() gave. Throws Error that lists every missing, unexpected and mismatched entry at once, and
  // then changes nothing. Rules that do not count (sgd, rmsprop, rmsprop_tf, muon) also take slots without their
  // "step".
  virtual void load_state(const std::vector<NamedTensor>& entries) = 0;
};
using OptimizerPtr = std::unique_ptr<Optimizer>;

// The factor for `gradient_scale` that keeps the norm of all gradients at or below max_norm (torch.nn.utils
// .clip_grad_norm_); 1 if max_norm is 0. `norm` is that of the gradients as they will be without clipping.
double clip_factor(double norm, double max_norm);

class UpdateRule;  // fused.h
using UpdateRulePtr = std::shared_ptr<const UpdateRule>;

struct OptimizerEntry {
  std::string name, summary;
  std::vector<std::string> options;  // fields of OptimizerConfig it reads besides name, lr, weight_decay, decay_…
  OptimizerConfig defaults;          // what a configuration starts from that names it
  UpdateRulePtr (*rule)(const OptimizerConfig& config);
  UpdateRulePtr (*rule_of_vectors)(const OptimizerConfig& config) =
      nullptr;  // of parameters with one axis; null: `rule`
};
const std::vector<OptimizerEntry>& optimizer_table();

// Throws UsageError that lists every pattern of optimizer.groups that names none of `parameters`, with the nearest
// names.
void check_groups(const OptimizerConfig& config, const std::vector<Parameter>& parameters);

// Throws UsageError as check_groups(), and for an option that is not as described, naming the nearest valid value;
// Error if two parameters share a name or a parameter is not floating.
OptimizerPtr build_optimizer(const OptimizerConfig& config, std::vector<Parameter> parameters);

}  // namespace ghost
