#include <fmt/core.h>

#include "train/cli/completion.h"

namespace ghost::cli {

namespace {

// The words up to the cursor, and which option the last of them is the value of.
constexpr const char* kReadWords = R"(  local words=() i
  # bash cuts at "=": here --option=value and key=value are one word each.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if ((i > 0)) && [[ ${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == = ]]; then
      words[${#words[@]} - 1]+=${COMP_WORDS[i]}
    else
      words+=("${COMP_WORDS[i]}")
    fi
  done
  local current=${words[-1]} option= value kind= choices=
  value=$current
  ((${#words[@]} > 1)) && option=${words[-2]}
  if [[ $current == --*=* ]]; then
    option=${current%%=*} value=${current#*=}
  fi
)";

constexpr const char* kReply = R"(  local before=${current%"$value"}
  case $kind in
    words) mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$value") ;;
    key)
      compopt -o nospace 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$value")
      ;;
    files | folders)
      compopt -o filenames 2>/dev/null
      local action=-f
      [[ $kind == folders ]] && action=-d
      mapfile -t COMPREPLY < <(compgen "$action" -- "${value//[\\\"\']/}")
      ;;
  esac
  # Where bash cuts at "=", it replaces only what follows.
  [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$before}")
)";

std::string assignments(ValueKind kind, const std::vector<std::string>& choices) {
  switch (kind) {
    case ValueKind::choice:
      return fmt::format("kind=words choices='{}'", joined(choices));
    case ValueKind::file:
      return "kind=files";
    case ValueKind::folder:
      return "kind=folders";
    case ValueKind::setting:
      return "kind=setting";
    case ValueKind::unknown:
      break;
  }
  return "kind=unknown";
}

std::string cases_of_options(const CompletedProgram& program) {
  std::string text = "  case $option in\n";
  for (const OptionText& option : program.options)
    if (!option.positional && !option.value.empty())
      text += fmt::format("    {}) {} ;;\n", joined(option.names, " | "), assignments(option.kind, option.choices));
  return text + "  esac\n";
}

std::string cases_of_settings(const std::vector<Setting>& settings) {
  std::string keys, cases;
  for (const Setting& one : settings) {
    keys += (keys.empty() ? "" : " ") + one.key + "=";
    if (one.file || !one.values.empty())
      cases += fmt::format("      {}) {} ;;\n", one.key,
                           assignments(one.file ? ValueKind::file : ValueKind::choice, one.values));
  }
  return fmt::format(
      "  if [[ $kind == setting && $value != *=* ]]; then\n"
      "    kind=key choices='{}'\n"
      "  elif [[ $kind == setting ]]; then\n"
      "    local key=${{value%%=*}}\n"
      "    value=${{value#*=}}\n"
      "    case $key in\n{}    esac\n"
      "  fi\n",
      keys, cases);
}

// What is not the value of an option: an option, or what the program takes besides.
std::string other_words(const CompletedProgram& program) {
  std::vector<std::string> names;
  bool positional = false;
  std::string text;
  for (const OptionText& option : program.options) {
    positional = positional || option.positional;
    if (option.positional) continue;
    names.insert(names.end(), option.names.begin(), option.names.end());
    // Values behind the first one.
    for (int behind = 2; behind <= option.values; ++behind)
      text += fmt::format("  ((${{#words[@]}} > {0})) && [[ ${{words[-{1}]}} == {2} && $current != -* ]] && {3}\n",
                          behind, behind + 1, option.name(), assignments(option.kind, option.choices));
  }
  text += fmt::format(
      "  if [[ -z $kind && {} ]]; then\n"
      "    kind=words choices='{}'\n"
      "  elif [[ -z $kind ]]; then\n"
      "    kind=files\n"
      "  fi\n",
      positional ? "$current == -*" : "( $current == -* || -z $current )", joined(names));
  return text;
}

std::string head(const std::string& program) { return fmt::format("# bash completion of {}\n", program); }

std::string end(const std::string& program) {
  return fmt::format("complete -F {} {}\n", function_name(program), program);
}

std::string body(const CompletedProgram& program) {
  std::string text = function_name(program.name) + "() {\n" + kReadWords + cases_of_options(program);
  if (!program.settings.empty()) text += cases_of_settings(program.settings);
  return text + other_words(program) + kReply + "}\n";
}

std::string choice(const std::string& program) {
  return fmt::format(R"({0}() {{
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '{1}' -- "${{COMP_WORDS[1]}}")
    return
  fi
  local command=${{COMP_WORDS[1]}}
  COMP_WORDS=("${{COMP_WORDS[@]:1}}")
  ((COMP_CWORD--))
  declare -F "{0}_$command" >/dev/null && "{0}_$command"
}}
)",
                     function_name(program), joined(words_of_commands()));
}

}  // namespace

Shell bash_shell() { return {.name = "bash", .head = head, .body = body, .choice = choice, .end = end}; }

}  // namespace ghost::cli
