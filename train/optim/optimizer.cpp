#include "train/optim/optimizer.h"

#include <algorithm>

#include "nn/parameter_pattern.h"
#include "train/optim/adam.h"
#include "train/optim/muon.h"
#include "train/optim/rmsprop.h"
#include "train/optim/sgd.h"

namespace ghost {
namespace {

UpdateRulePtr sgd(const OptimizerConfig& c) {
  return make_rule(SgdRule{.momentum = c.momentum, .dampening = c.dampening, .nesterov = c.nesterov});
}

template <bool decoupled_decay>
UpdateRulePtr adam(const OptimizerConfig& c) {
  return make_rule(AdamRule{.momentum = c.betas[0],
                            .beta2 = c.betas[1],
                            .eps = c.eps,
                            .amsgrad = c.amsgrad,
                            .decoupled_decay = decoupled_decay});
}

template <bool tensorflow>
UpdateRulePtr rmsprop(const OptimizerConfig& c) {
  return make_rule(RmspropRule{
      .momentum = c.momentum, .alpha = c.alpha, .eps = c.eps, .centered = c.centered, .tensorflow = tensorflow});
}

UpdateRulePtr muon(const OptimizerConfig& c) {
  return make_rule(MuonRule{.momentum = c.momentum,
                            .eps = c.eps,
                            .nesterov = c.nesterov,
                            .ns_steps = c.ns_steps,
                            .match_rms_adamw = c.adjust_lr_fn == "match_rms_adamw"});
}
UpdateRulePtr beside_muon(const OptimizerConfig& c) { return c.other == "sgd" ? sgd(c) : adam<true>(c); }

// The last group that names the parameter; null: none does.
const ParameterGroup* group_of(const OptimizerConfig& config, const std::string& parameter) {
  const std::vector<ParameterGroup>& groups = config.groups.items;
  const auto last = std::find_if(groups.rbegin(), groups.rend(),
                                 [&](const ParameterGroup& g) { return names_parameter(g.match, parameter); });
  return last == groups.rend() ? nullptr : &*last;
}

}  // namespace

const std::vector<OptimizerEntry>& optimizer_table() {
  // Defaults: sgd as nearly all recipes for these networks have it; the others PyTorch's, rmsprop_tf and the betas of
  // muon timm's.
  static const std::vector<OptimizerEntry> table{
      {.name = "sgd",
       .summary = "gradient descent with momentum, dampening, Nesterov",
       .options = {"momentum", "dampening", "nesterov"},
       .defaults = {},
       .rule = sgd},
      {.name = "adam",
       .summary = "Adam (arXiv 1412.6980), weight decay added to the gradient",
       .options = {"betas", "eps", "amsgrad"},
       .defaults = {.name = "adam", .lr = 1e-3, .weight_decay = 0},
       .rule = adam<false>},
      {.name = "adamw",
       .summary = "Adam with decoupled weight decay (arXiv 1711.05101)",
       .options = {"betas", "eps", "amsgrad"},
       .defaults = {.name = "adamw", .lr = 1e-3, .weight_decay = 1e-2},
       .rule = adam<true>},
      {.name = "rmsprop",
       .summary = "RMSprop, PyTorch's form: eps outside the root",
       .options = {"momentum", "alpha", "eps", "centered"},
       .defaults = {.name = "rmsprop", .lr = 1e-2, .momentum = 0, .weight_decay = 0},
       .rule = rmsprop<false>},
      {.name = "rmsprop_tf",
       .summary = "RMSprop, TensorFlow's form: eps inside the root, averages start at one",
       .options = {"momentum", "alpha", "eps", "centered"},
       .defaults = {.name = "rmsprop_tf", .lr = 1e-2, .momentum = 0, .eps = 1e-10, .alpha = 0.9, .weight_decay = 0},
       .rule = rmsprop<true>},
      {.name = "muon",
       .summary = "Muon (arXiv 2502.16982) for weights with two or more axes; the others by optimizer.other",
       .options = {"momentum", "nesterov", "betas", "eps", "ns_steps", "adjust_lr_fn", "other", "other_lr_scale"},
       .defaults = {.name = "muon",
                    .lr = 1e-3,
                    .momentum = 0.95,
                    .nesterov = true,
                    .betas = {0.9, 0.95},
                    .eps = 1e-7,
                    .weight_decay = 0.1},
       .rule = muon,
       .rule_of_vectors = beside_muon},
  };
  return table;
}

void check_groups(const OptimizerConfig& config, const std::vector<Parameter>& parameters) {
  std::string unmatched;
  for (const ParameterGroup& group : config.groups.items) {
    const auto named = [&](const Parameter& p) { return names_parameter(group.match, p.name); };
    if (std::any_of(parameters.begin(), parameters.end(), named)) continue;
    unmatched += fmt::format("{}'{}' matches no parameter that trains{}", unmatched.empty() ? "" : "; ", group.match,
                             pattern_suggestion(group.match, parameters));
  }
  if (!unmatched.empty()) fail_usage("optimizer.groups: {}", unmatched);
}

OptimizerPtr build_optimizer(const OptimizerConfig& config, std::vector<Parameter> parameters) {
  check_options(config, "optimizer");
  check_groups(config, parameters);
  const auto& table = optimizer_table();
  const OptimizerEntry& entry =
      *std::find_if(table.begin(), table.end(), [&](const OptimizerEntry& e) { return e.name == config.name; });
  const UpdateRulePtr rule = entry.rule(config);
  const UpdateRulePtr of_vectors = entry.rule_of_vectors ? entry.rule_of_vectors(config) : nullptr;
  std::vector<RuledParameter> ruled;
  for (Parameter& parameter : parameters) {
    const ParameterGroup* const group = group_of(config, parameter.name);
    const bool vector = parameter.tensor.rank() < 2, other = vector && of_vectors;
    ruled.push_back({.parameter = std::move(parameter),
                     .rule = other ? of_vectors : rule,
                     .lr_scale = (group ? group->lr_scale : 1) * (other ? config.other_lr_scale : 1),
                     .weight_decay = group && group->sets_weight_decay       ? group->weight_decay
                                     : vector && !config.decay_norm_and_bias ? 0
                                                                             : config.weight_decay});
  }
  return std::make_unique<FusedOptimizer>(config.name, std::move(ruled));
}

double clip_factor(double norm, double max_norm) {
  constexpr double kAgainstZero = 1e-6;  // PyTorch's
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + kAgainstZero)) : 1;
}

}  // namespace ghost
