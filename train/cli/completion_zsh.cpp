#include <fmt/core.h>

#include "train/cli/completion.h"

namespace ghost::cli {

namespace {

// Inside of '…', with the characters that _arguments reads escaped.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\')
      result += std::string("\\") + c;
    else
      result += c;
  }
  return result;
}

std::string action(const OptionText& option, const std::string& function) {
  switch (option.kind) {
    case ValueKind::choice:
      return "(" + joined(option.choices) + ")";
    case ValueKind::file:
      return "_files";
    case ValueKind::folder:
      return "_files -/";
    case ValueKind::setting:
      return function + "_settings";
    case ValueKind::unknown:
      break;
  }
  return " ";
}

// One specification of _arguments for each name.
std::string specifications(const OptionText& option, const std::string& function) {
  std::string values;
  const std::string value = fmt::format(":{}:{}", escaped(option.value), action(option, function));
  for (int i = 0; i < option.values; ++i) values += value;
  if (option.positional) return fmt::format("    '*{}' \\\n", value);
  std::string others = joined(option.excludes), text;
  if (option.names.size() > 1) others += (others.empty() ? "" : " ") + joined(option.names);
  for (const std::string& name : option.names) {
    const bool takes_value = !option.value.empty(), is_long = name.starts_with("--");
    text += fmt::format("    '{}{}{}{}[{}]{}' \\\n", option.kind == ValueKind::setting ? "*" : "",
                        others.empty() ? "" : "(" + others + ")", name, takes_value ? (is_long ? "=" : "+") : "",
                        escaped(option.summary), takes_value ? values : "");
  }
  return text;
}

std::string settings_function(const std::string& function, const std::vector<Setting>& settings) {
  std::vector<std::string> keys;
  std::string cases;
  for (const Setting& one : settings) {
    keys.push_back(one.key + "=");
    if (one.file) cases += fmt::format("      {}) _files ;;\n", one.key);
    if (!one.values.empty()) cases += fmt::format("      {}) compadd - {} ;;\n", one.key, joined(one.values));
  }
  return fmt::format(R"({}_settings() {{
  if compset -P '*='; then
    case ${{${{IPREFIX%=}}##*=}} in
{}    esac
  else
    compadd -S '' - {}
  fi
}}
)",
                     function, cases, joined(keys));
}

// Works both where the script is sourced and where zsh finds it by its function's name in its function path.
std::string end(const std::string& program) {
  return fmt::format("if [[ $funcstack[1] == {0} ]]; then\n  {0} \"$@\"\nelse\n  compdef {0} {1}\nfi\n",
                     function_name(program), program);
}
std::string head(const std::string& program) { return fmt::format("#compdef {}\n", program); }

std::string body(const CompletedProgram& program) {
  const std::string function = function_name(program.name);
  std::string text;
  if (!program.settings.empty()) text += settings_function(function, program.settings);
  text += function + "() {\n  _arguments -S \\\n";
  for (const OptionText& option : program.options) text += specifications(option, function);
  return text + "    && return\n  return 1\n}\n";
}

std::string choice(const std::string& program) {
  return fmt::format(R"({0}() {{
  if ((CURRENT == 2)); then
    compadd - {1}
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  (($+functions[{0}_$command])) && {0}_$command
}}
)",
                     function_name(program), joined(words_of_commands()));
}

}  // namespace

Shell zsh_shell() { return {.name = "zsh", .head = head, .body = body, .choice = choice, .end = end}; }

}  // namespace ghost::cli
