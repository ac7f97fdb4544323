#include "train/cli/option_table.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace ghost::cli {

namespace {

// What the programs call the values of their options, where a shell can propose some.
constexpr std::array<std::pair<std::string_view, ValueKind>, 7> kKinds{{
    {"FILE", ValueKind::file},
    {"IMAGE|FOLDER", ValueKind::file},
    {"RUN|CONFIG…", ValueKind::file},
    {"A B", ValueKind::file},
    {"DIR", ValueKind::folder},
    {"FOLDER", ValueKind::folder},
    {"KEY=VALUE", ValueKind::setting},
}};

ValueKind kind_of(std::string_view value) {
  const auto* const found = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& k) { return k.first == value; });
  return found == kKinds.end() ? ValueKind::unknown : found->second;
}

std::string between(const std::string& text, char open, char close) {
  const size_t begin = text.find(open), end = text.find(close, begin == std::string::npos ? 0 : begin);
  return begin == std::string::npos || end == std::string::npos ? "" : text.substr(begin + 1, end - begin - 1);
}

// "a,b" → a, b
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// By name: the sets that CLI11 keeps are in the order of addresses.
std::vector<std::string> names_of(const std::set<CLI::Option*>& options) {
  std::vector<std::string> names;
  names.reserve(options.size());
  for (const CLI::Option* option : options) names.push_back(option->get_name());
  std::sort(names.begin(), names.end());
  return names;
}

OptionText text_of(const CLI::Option& option) {
  OptionText text;
  text.positional = !option.nonpositional();
  for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
  if (text.names.empty()) text.names.push_back(option.get_name(true));
  text.summary = option.get_description();
  text.excludes = names_of(option.get_excludes());
  text.needs = names_of(option.get_needs());
  text.values = option.get_items_expected_min();
  if (option.get_items_expected_max() == 0) return text;
  // "FORM:{pytorch,ghost}", "N:INT in [0 - 1024]": the value's name, and what its checks say of themselves.
  const std::string type = option.get_type_name();
  text.value = type.substr(0, type.find(':'));
  const std::string checks = type.substr(text.value.size());
  text.choices = split(between(checks, '{', '}'));
  text.range = between(checks, '[', ']');
  text.kind = text.choices.empty() ? kind_of(text.value) : ValueKind::choice;
  return text;
}

}  // namespace

std::vector<OptionText> option_table(const CLI::App& app) {
  std::vector<OptionText> table;
  for (const CLI::Option* option : app.get_options())
    if (!option->get_group().empty()) table.push_back(text_of(*option));
  return table;
}

}  // namespace ghost::cli
