#include "nn/parameter_pattern.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include "core/nearest.h"

namespace ghost {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

}  // namespace

bool names_parameter(const std::string& pattern, const std::string& parameter) {
  if (matches(pattern, parameter)) return true;
  for (size_t dot = parameter.find('.'); dot != std::string::npos; dot = parameter.find('.', dot + 1))
    if (matches(pattern, parameter.substr(0, dot))) return true;
  return false;
}

std::string pattern_suggestion(const std::string& pattern, const std::vector<Parameter>& parameters) {
  const bool below = pattern.ends_with(".*"), open = !below && pattern.ends_with("*");
  const std::string ending = below ? ".*" : open ? "*" : "";
  std::vector<std::string> names, outermost;
  for (const Parameter& p : parameters) {
    for (size_t dot = p.name.find('.'); dot != std::string::npos; dot = p.name.find('.', dot + 1)) {
      const std::string module = p.name.substr(0, dot);
      if (names.empty() || std::find(names.begin(), names.end(), module + ending) == names.end())
        names.push_back(module + ending);
    }
    names.push_back(p.name);
    const std::string first = p.name.substr(0, p.name.find('.'));
    if (outermost.empty() || outermost.back() != first) outermost.push_back(first);
  }
  const std::string near = did_you_mean(pattern, names);
  return near.empty() ? "; there are " + fmt::format("{}", fmt::join(outermost, ", ")) : near;
}

}  // namespace ghost
