#include "nn/freeze.h"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>

#include "core/nearest.h"

namespace ghost {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

// The parameter itself, or a module around it.
bool covers(const std::string& pattern, const std::string& parameter) {
  if (matches(pattern, parameter)) return true;
  for (size_t dot = parameter.find('.'); dot != std::string::npos; dot = parameter.find('.', dot + 1))
    if (matches(pattern, parameter.substr(0, dot))) return true;
  return false;
}

// What could have been meant: names of parameters and of the modules around them, written as the pattern is.
std::string suggestion(const std::string& pattern, const std::vector<Parameter>& parameters) {
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

}  // namespace

void freeze(Module& model, const std::vector<std::string>& patterns) {
  std::vector<Parameter> parameters = model.parameters();
  std::vector<char> frozen(parameters.size());
  std::string unmatched;
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (size_t i = 0; i < parameters.size(); i++)
      if (covers(pattern, parameters[i].name)) frozen[i] = true, any = true;
    if (!any)
      unmatched += fmt::format("{}'{}' matches no parameter of {}{}", unmatched.empty() ? "" : "; ", pattern,
                               model.kind(), suggestion(pattern, parameters));
  }
  if (!unmatched.empty()) fail_usage("train.freeze: {}", unmatched);
  size_t left = 0;
  for (size_t i = 0; i < parameters.size(); i++) left += !frozen[i] && parameters[i].tensor.requires_grad();
  if (left == 0) fail_usage("train.freeze: every parameter of {} is frozen, but one at least must train", model.kind());
  for (size_t i = 0; i < parameters.size(); i++)
    if (frozen[i]) parameters[i].tensor.set_requires_grad(false);
}

std::vector<Parameter> trainable_parameters(const Module& model) {
  std::vector<Parameter> parameters = model.parameters();
  std::erase_if(parameters, [](const Parameter& p) { return !p.tensor.requires_grad(); });
  return parameters;
}

}  // namespace ghost
