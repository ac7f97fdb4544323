// What options must fulfil together.
#pragma once
#include "core/options.h"
#include "train/config/config.h"

namespace ghost {

// Calls `refuse` for each combination that is not possible and `note` for each that is, but has no effect: those of
// each section, and those between sections.
void check_together(const Config& config, const Finding& refuse, const Finding& note);

}  // namespace ghost
