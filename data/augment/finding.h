#pragma once
#include <functional>
#include <string>
#include <vector>

namespace ghost {

// What a combination of options is told to. `paths` are the options at fault, the likeliest first. Values of their own
// are within their limits.
using Finding = std::function<void(const std::vector<std::string>& paths, const std::string& sentence)>;

}  // namespace ghost
