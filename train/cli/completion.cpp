#include "train/cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/nearest.h"
#include "train/cli/commands.h"
#include "train/config/describe.h"

namespace ghost::cli {

std::vector<Setting> all_settings() {
  Config config;
  const Description description = describe(config);
  std::vector<Setting> settings;
  for (const Field& field : description.fields()) {
    Setting setting{.key = field.path, .values = field.rule.choices};
    if (std::holds_alternative<bool*>(field.value)) setting.values = {"true", "false"};
    if (field.rule.set != nullptr) setting.values.emplace_back("auto");
    setting.file = std::holds_alternative<std::string*>(field.value) && setting.values.empty();
    settings.push_back(std::move(setting));
  }
  return settings;
}

const std::vector<Shell>& shells() {
  static const std::vector<Shell> table{bash_shell(), zsh_shell(), fish_shell()};
  return table;
}

const Shell& find_shell(const std::string& name) {
  std::vector<std::string> known;
  for (const Shell& shell : shells()) {
    if (shell.name == name) return shell;
    known.emplace_back(shell.name);
  }
  fail_usage("completion is made for {}, not for '{}'{}", any_of(known), name, did_you_mean(name, known));
}

CompletedProgram completed_program(const CLI::App& app) {
  CompletedProgram program{.name = app.get_name(), .options = option_table(app), .settings = {}};
  const auto sets = [](const OptionText& option) { return option.kind == ValueKind::setting; };
  if (std::any_of(program.options.begin(), program.options.end(), sets)) program.settings = all_settings();
  return program;
}

std::string completion_script(const Shell& shell, const CompletedProgram& program) {
  const std::string body = shell.body(program);
  return is_command(program.name) ? body : shell.head(program.name) + body + shell.end(program.name);
}

bool is_command(const std::string& program) { return program.find(' ') != std::string::npos; }

std::string function_name(const std::string& program) {
  std::string name = "_" + program;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> words_of_commands() {
  std::vector<std::string> words;
  words.reserve(kCommands.size());
  for (const CommandText& command : kCommands) words.emplace_back(command.name);
  words.insert(words.end(), {"--help", "--version"});
  return words;
}

}  // namespace ghost::cli
