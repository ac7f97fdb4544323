#include "train/optim/optimizer.h"

#include <algorithm>

#include "train/optim/adam.h"
#include "train/optim/rmsprop.h"
#include "train/optim/sgd.h"

namespace ghost {
namespace {

OptimizerPtr build_sgd(const OptimizerConfig& c, std::vector<Parameter> parameters) {
  return std::make_unique<RuleOptimizer<SgdRule>>(
      c, std::move(parameters), SgdRule{.momentum = c.momentum, .dampening = c.dampening, .nesterov = c.nesterov});
}

template <bool decoupled_decay>
OptimizerPtr build_adam(const OptimizerConfig& c, std::vector<Parameter> parameters) {
  return std::make_unique<RuleOptimizer<AdamRule>>(c, std::move(parameters),
                                                   AdamRule{.momentum = c.betas[0],
                                                            .beta2 = c.betas[1],
                                                            .eps = c.eps,
                                                            .amsgrad = c.amsgrad,
                                                            .decoupled_decay = decoupled_decay});
}

template <bool tensorflow>
OptimizerPtr build_rmsprop(const OptimizerConfig& c, std::vector<Parameter> parameters) {
  return std::make_unique<RuleOptimizer<RmspropRule>>(
      c, std::move(parameters),
      RmspropRule{
          .momentum = c.momentum, .alpha = c.alpha, .eps = c.eps, .centered = c.centered, .tensorflow = tensorflow});
}

}  // namespace

const std::vector<OptimizerEntry>& optimizer_table() {
  // Defaults: sgd as nearly all recipes for these networks have it; the others PyTorch's, rmsprop_tf timm's.
  static const std::vector<OptimizerEntry> table{
      {.name = "sgd",
       .summary = "gradient descent with momentum, dampening, Nesterov",
       .options = {"momentum", "dampening", "nesterov"},
       .defaults = {},
       .build = build_sgd},
      {.name = "adam",
       .summary = "Adam (arXiv 1412.6980), weight decay added to the gradient",
       .options = {"betas", "eps", "amsgrad"},
       .defaults = {.name = "adam", .lr = 1e-3, .weight_decay = 0},
       .build = build_adam<false>},
      {.name = "adamw",
       .summary = "Adam with decoupled weight decay (arXiv 1711.05101)",
       .options = {"betas", "eps", "amsgrad"},
       .defaults = {.name = "adamw", .lr = 1e-3, .weight_decay = 1e-2},
       .build = build_adam<true>},
      {.name = "rmsprop",
       .summary = "RMSprop, PyTorch's form: eps outside the root",
       .options = {"momentum", "alpha", "eps", "centered"},
       .defaults = {.name = "rmsprop", .lr = 1e-2, .momentum = 0, .weight_decay = 0},
       .build = build_rmsprop<false>},
      {.name = "rmsprop_tf",
       .summary = "RMSprop, TensorFlow's form: eps inside the root, averages start at one",
       .options = {"momentum", "alpha", "eps", "centered"},
       .defaults = {.name = "rmsprop_tf", .lr = 1e-2, .momentum = 0, .eps = 1e-10, .alpha = 0.9, .weight_decay = 0},
       .build = build_rmsprop<true>},
  };
  return table;
}

OptimizerPtr build_optimizer(const OptimizerConfig& config, std::vector<Parameter> parameters) {
  check_options(config, "optimizer");
  const auto& table = optimizer_table();
  return std::find_if(table.begin(), table.end(), [&](const OptimizerEntry& e) { return e.name == config.name; })
      ->build(config, std::move(parameters));
}

double clip_factor(double norm, double max_norm) {
  constexpr double kAgainstZero = 1e-6;  // PyTorch's
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + kAgainstZero)) : 1;
}

}  // namespace ghost
