#include "core/kernels/kernel_choice.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fmt/ranges.h>
#include <utility>

#include "core/error.h"

namespace ghost {

KernelChoice::KernelChoice(const std::string& op, std::vector<std::string> names) : op_(op), names_(std::move(names)) {
  std::string variable = "GHOST_" + op;
  std::transform(variable.begin(), variable.end(), variable.begin(), [](unsigned char c) { return std::toupper(c); });
  const char* name = std::getenv(variable.c_str());
  force(name ? name : "", variable);
}

void KernelChoice::force(const std::string& name, const std::string& who) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end() && !name.empty())
    fail_usage("{}: \"{}\" is no kernel of {}; there are: {}", who, name, op_, fmt::join(names_, ", "));
  forced_ = name.empty() ? -1 : static_cast<int>(found - names_.begin());
}

}  // namespace ghost
