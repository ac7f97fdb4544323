// The time profile of training steps as text and as JSON.
#pragma once
#include <string>

#include "train/cli/terminal.h"
#include "train/loop/trainer.h"

namespace ghost::cli {

// Tables by module (a tree; times include child modules) and by kernel, in milliseconds per step, the longest first.
// Both add up to the whole step. Small entries are summed up in the table by kernel and left out in the tree.
std::string profile_text(const StepProfile& profile, const Config& config, Module& model, const Terminal& terminal);
// One object: every module and kernel, in seconds a step.
std::string profile_json(const StepProfile& profile, const Config& config, Module& model);

}  // namespace ghost::cli
