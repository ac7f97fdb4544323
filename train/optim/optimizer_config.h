// The options under `optimizer:`.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "core/options.h"

namespace ghost {

// What is different for the parameters whose names match.
struct ParameterGroup {
  std::string match = {};  // as in train.freeze (nn/parameter_pattern.h)
  double lr_scale = 1;
  double weight_decay = 0;  // if set; else as without the group
  bool sets_weight_decay = false;
};
void describe(ParameterGroup& group, Description& description);

// The values here are those of sgd. Each line of optimizer_table() has its own (`defaults`), from which a configuration
// that names it starts.
struct OptimizerConfig {
  std::string name = "sgd";  // sgd | adam | adamw | rmsprop | rmsprop_tf | muon
  double lr = 0.1;
  double momentum = 0.9;                    // sgd, rmsprop, rmsprop_tf, muon
  double dampening = 0;                     // sgd
  bool nesterov = false;                    // sgd, muon
  std::array<double, 2> betas{0.9, 0.999};  // adam, adamw, muon for other: adamw
  double eps = 1e-8;                        // all but sgd
  bool amsgrad = false;                     // adam, adamw
  double alpha = 0.99;                      // rmsprop, rmsprop_tf
  bool centered = false;                    // rmsprop, rmsprop_tf
  int64_t ns_steps = 5;                     // muon
  std::string adjust_lr_fn = "original";    // muon: original | match_rms_adamw
  std::string other = "adamw";              // muon: rule of parameters with one axis: adamw | sgd
  double other_lr_scale = 1;                // muon
  double weight_decay = 5e-4;
  OptionList<ParameterGroup> groups = {};  // of those that match a parameter the last one counts, alone
  bool decay_norm_and_bias = true;         // false: no weight decay on parameters with one dimension
};
void describe(OptimizerConfig& config, Description& description);
void check_together(const OptimizerConfig& config, const Finding& refuse, const Finding& note);

}  // namespace ghost
