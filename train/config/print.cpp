#include <algorithm>

#include "train/config/describe.h"
#include "train/config/values.h"

namespace ghost {
namespace {

constexpr size_t kCommentColumn = 40, kLineEnd = 120;

// The help text and, where the line has room, the choices.
std::string comment_of(const Field& field) {
  std::string choices;
  for (const std::string& choice : field.rule.choices) choices += (choices.empty() ? " (" : " | ") + choice;
  if (!choices.empty()) choices += ")";
  const bool fits = kCommentColumn + 2 + field.help.size() + choices.size() <= kLineEnd;
  return fits ? field.help + choices : field.help;
}

std::string line(const std::string& indent, const std::string& text, const std::string& comment) {
  std::string out = indent + text;
  if (!comment.empty())
    out += std::string(out.size() < kCommentColumn ? kCommentColumn - out.size() : 1, ' ') + "# " + comment;
  return out + "\n";
}

}  // namespace

std::string config_to_yaml(const Config& config) {
  Config copy = config, standard;
  const Description description = describe(copy), standards = describe(standard);
  std::string text, open;  // open: path of the section that was written last
  for (size_t i = 0; i < description.fields().size(); ++i) {
    const Field& field = description.fields()[i];
    const Section* elsewhere = nullptr;
    if (!description.owners_elsewhere(field.path, elsewhere).empty()) continue;

    const size_t dot = field.path.rfind('.');
    const std::string section = field.path.substr(0, dot);
    for (const Section& around : description.sections()) {  // outer ones come first
      const bool contains = section == around.path || section.starts_with(around.path + ".");
      const bool is_open = open == around.path || open.starts_with(around.path + ".");
      if (!contains || is_open) continue;
      const size_t last = around.path.rfind('.');
      const auto depth = static_cast<size_t>(std::count(around.path.begin(), around.path.end(), '.'));
      text += line(std::string(2 * depth, ' '), around.path.substr(last == std::string::npos ? 0 : last + 1) + ":",
                   around.help);
    }
    open = section;

    std::string value = value_to_yaml(field);
    const bool follows = field.rule.set && !*field.rule.set && value == value_to_yaml(standards.fields()[i]);
    const auto depth = static_cast<size_t>(std::count(field.path.begin(), field.path.end(), '.'));
    text += line(std::string(2 * depth, ' '), field.path.substr(dot + 1) + ": " + (follows ? "auto" : value),
                 comment_of(field));
  }
  return text;
}

}  // namespace ghost
