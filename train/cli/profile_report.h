// Where the time of training steps went, as a person or a program reads it.
#pragma once
#include <string>

#include "train/cli/terminal.h"
#include "train/loop/trainer.h"

namespace ghost::cli {

// Tables by module (a tree; times include the modules inside) and by kernel, in milliseconds a step, the longest first.
// Both add up to the whole step. What takes little of it is summed up or, in the tree, left out.
std::string profile_text(const StepProfile& profile, const Config& config, Module& model, const Terminal& terminal);
// One object: every module and kernel, in seconds a step.
std::string profile_json(const StepProfile& profile, const Config& config, Module& model);

}  // namespace ghost::cli
