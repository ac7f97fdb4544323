#include "core/option_values.h"

#include <array>

#include "core/nearest.h"
#include "core/options.h"

namespace ghost {

OptionValue& OptionValues::declare(const OwnOption& option) {
  OptionValue& value = values_.try_emplace(option.name, option.standard).first->second;
  const bool whole = std::holds_alternative<int64_t>(value) && std::holds_alternative<double>(option.standard);
  if (whole) value = static_cast<double>(std::get<int64_t>(value));
  if (value.index() != option.standard.index())
    fail_usage("the option '{}' is {}, but must be {}", option.name, type_name(value), type_name(option.standard));
  return value;
}

const OptionValue& OptionValues::find(const std::string& name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, value] : values_) names.push_back(known);
  fail("there is no option '{}'{}", name, did_you_mean(name, names));
}

const char* OptionValues::type_name(const OptionValue& value) {
  static constexpr std::array<const char*, std::variant_size_v<OptionValue>> names{
      "true or false", "an integer", "a number", "text", "a list of integers", "a list of numbers", "a list of texts"};
  return names[value.index()];
}

}  // namespace ghost
