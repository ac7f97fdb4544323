#include <fmt/core.h>

#include "train/cli/commands.h"
#include "train/cli/completion.h"

namespace ghost::cli {

namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

// "key=" of every setting, and "key=value" of those whose values are known.
std::string all_pairs(const std::vector<Setting>& settings) {
  std::vector<std::string> words;
  for (const Setting& one : settings) {
    if (one.values.empty()) words.push_back(one.key + "=");
    for (const std::string& value : one.values) words.push_back(one.key + "=" + value);
  }
  return joined(words);
}

// What may follow an option: -x asks for a value that is no file, -r -F for a file.
std::string values(const OptionText& option, const CompletedProgram& program) {
  if (option.value.empty()) return "";
  switch (option.kind) {
    case ValueKind::choice:
      return " -x -a " + quoted(joined(option.choices));
    case ValueKind::file:
      return " -r -F";
    case ValueKind::folder:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::setting:
      return " -x -a " + quoted(all_pairs(program.settings));
    case ValueKind::unknown:
      break;
  }
  return " -x";
}

std::string head(const std::string& program) { return fmt::format("# fish completion of {}\n", program); }
std::string end(const std::string&) { return ""; }

std::string body(const CompletedProgram& program) {
  std::string start = "complete -c " + program.name, text;
  if (is_command(program.name)) {
    const size_t space = program.name.find(' ');
    start = fmt::format("complete -c {} -n '__fish_seen_subcommand_from {}'", program.name.substr(0, space),
                        program.name.substr(space + 1));
  }
  bool files = false;
  for (const OptionText& option : program.options) files = files || option.positional || option.values > 1;
  if (!files) text += start + " -f\n";
  for (const OptionText& option : program.options) {
    if (option.positional) continue;
    text += start;
    for (const std::string& name : option.names)
      text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    text += values(option, program) + " -d " + quoted(option.summary) + "\n";
  }
  return text;
}

std::string choice(const std::string& program) {
  std::string text = fmt::format(
      "complete -c {} -n __fish_use_subcommand -f -l help -s h -d 'List the commands'\n"
      "complete -c {} -n __fish_use_subcommand -f -l version -d 'Print the version'\n",
      program, program);
  for (const CommandText& command : kCommands)
    text += fmt::format("complete -c {} -n __fish_use_subcommand -f -a {} -d {}\n", program, command.name,
                        quoted(command.summary));
  return text;
}

}  // namespace

Shell fish_shell() { return {.name = "fish", .head = head, .body = body, .choice = choice, .end = end}; }

}  // namespace ghost::cli
