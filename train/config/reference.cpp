#include "train/config/reference.h"

#include <algorithm>
#include <fmt/format.h>

#include "train/config/describe.h"
#include "train/config/values.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

constexpr const char* kHead = R"(# Configuration: every option

<!-- Made from the descriptions in the code: ghost-train --list-options > docs/configuration.md -->

A configuration is a YAML file with the sections below. Every option may be left out; then it has its default.
`extends: other.yaml` at the top starts from another file. `--set model.width=0.5` changes one option on the command
line. `ghost-train --print-config` prints all options of a configuration with their values, and refuses what training
would refuse.

Some options are read only by the models, data sets, optimizers, schedules or convolutions in the column *read by*. With
another one a configuration may have them, but they are ignored and the log says so; `--set` refuses them, except those
of data sets. Options marked † describe the data set: a file or `--set` that replaces `data.name` puts them out of use.
)";

std::string code(const std::string& text) { return "`" + text + "`"; }

// Text as a cell of a table.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string code_list(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + code(name);
  return all;
}

// "number", "list of integers", …
std::string type_of(const Field& field) {
  return std::visit(
      [](const auto* value) -> std::string {
        using T = std::remove_const_t<std::remove_pointer_t<decltype(value)>>;
        if constexpr (std::is_same_v<T, bool>) return "`true`, `false`";
        if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, uint64_t>) return "integer";
        if constexpr (std::is_same_v<T, double>) return "number";
        if constexpr (std::is_same_v<T, std::string>) return "text";
        if constexpr (std::is_same_v<T, std::array<double, 2>>) return "two numbers";
        if constexpr (std::is_same_v<T, std::vector<int64_t>>) return "list of integers";
        if constexpr (std::is_same_v<T, std::vector<double>>) return "list of numbers";
        if constexpr (std::is_same_v<T, OptionItems>) return "list of mappings";
        return "list of texts";
      },
      field.value);
}

std::string values_of(const Field& field) {
  const FieldRule& rule = field.rule;
  std::string text = rule.set != nullptr ? "`auto` or " : "";
  if (!rule.choices.empty()) return text + code_list(rule.choices);
  const bool whole_numbers = std::holds_alternative<uint64_t*>(field.value);
  const std::string limits = rule.limits.str();
  text += type_of(field) + (limits.empty() ? "" : " " + limits) + (whole_numbers ? " at least 0" : "");
  return text + (rule.empty_list ? "" : ", not empty");
}

// The value that an option has if nothing sets it; an optimizer may have one of its own.
std::string default_of(const Field& field) {
  if (field.rule.set != nullptr) return "`auto`";
  const std::string standard = value_to_yaml(field);
  std::string text = code(standard);
  const std::string section = "optimizer.";
  if (!field.path.starts_with(section) || field.path == section + "name") return text;
  for (const OptimizerEntry& entry : optimizer_table()) {
    OptimizerConfig own = entry.defaults;
    Description description;
    description.section("optimizer", "", own);
    const std::string value = value_to_yaml(*description.find_field(field.path));
    const std::vector<std::string> readers = Description::owners(description.sections().front(), field.path);
    const bool reads = readers.empty() || std::find(readers.begin(), readers.end(), entry.name) != readers.end();
    if (reads && value != standard) text += fmt::format("; {} {}", entry.name, code(value));
  }
  return text;
}

// The keys of a list of mappings, as "groups[].match".
std::string rows_of_items(const std::string& name, const OptionItems& items) {
  const std::unique_ptr<OptionItems> one = items.empty_copy();
  one->add();
  std::string text;
  const Description description = one->description(0);
  for (const Field& field : description.fields())
    text += fmt::format("| {} | {} | {} | | {} |\n", code(name + "[]." + field.path), values_of(field),
                        default_of(field), cell(field.help));
  return text;
}

std::string row(const Field& field, const Section& section) {
  const std::string name = field.path.substr(section.path.size() + 1);
  const auto* const items = std::get_if<OptionItems*>(&field.value);
  return fmt::format("| {}{} | {} | {} | {} | {} |\n", code(name), field.rule.of_data ? " †" : "", values_of(field),
                     default_of(field), code_list(Description::owners(section, field.path)), cell(field.help)) +
         (items ? rows_of_items(name, **items) : "");
}

// Fields of the section itself, not of sections inside of it.
bool is_in(const Field& field, const Section& section) {
  return field.path.substr(0, field.path.rfind('.')) == section.path;
}

std::string section_text(const Description& all, const Section& section) {
  std::string text = fmt::format("\n## {}: {}\n", code(section.path + ":"), section.help);
  for (const Section& around : all.sections())
    if (const auto readers = Description::owners(around, section.path); !readers.empty())
      text += fmt::format("\nOptions of {}.\n", code_list(readers));
  if (!section.alternatives.empty()) {
    text += fmt::format("\n| {} | what it is |\n|---|---|\n", code(section.path + ".name"));
    for (const Alternative& one : section.alternatives)
      text += fmt::format("| {} | {} |\n", code(one.name), cell(one.summary));
  }
  text += "\n| key | values | default | read by | what it does |\n|---|---|---|---|---|\n";
  for (const Field& field : all.fields())
    if (is_in(field, section)) text += row(field, section);
  return text;
}

}  // namespace

std::string options_markdown() {
  Config standard;
  const Description all = describe(standard);
  std::string text = kHead;
  for (const Section& section : all.sections()) text += section_text(all, section);
  return text;
}

}  // namespace ghost
