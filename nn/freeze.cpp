#include "nn/freeze.h"

#include <algorithm>
#include <fmt/format.h>

#include "nn/parameter_pattern.h"

namespace ghost {

void freeze(Module& model, const std::vector<std::string>& patterns) {
  std::vector<Parameter> parameters = model.parameters();
  std::vector<char> frozen(parameters.size());
  std::string unmatched;
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (size_t i = 0; i < parameters.size(); i++)
      if (names_parameter(pattern, parameters[i].name)) frozen[i] = true, any = true;
    if (!any)
      unmatched += fmt::format("{}'{}' matches no parameter of {}{}", unmatched.empty() ? "" : "; ", pattern,
                               model.kind(), pattern_suggestion(pattern, parameters));
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
