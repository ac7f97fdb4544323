// What options must fulfil together.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace ghost {

// Calls `refuse` for each combination that is not possible and `note` for each that is, but has no effect. `paths` are
// the options at fault, the likeliest first. Values of their own are within their limits.
using Finding = std::function<void(const std::vector<std::string>& paths, const std::string& sentence)>;
void check_together(const Config& config, const Finding& refuse, const Finding& note);

}  // namespace ghost
