#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/nearest.h"
#include "train/cli/build.h"
#include "train/cli/commands.h"
#include "train/cli/completion.h"
#include "train/cli/main.h"
#include "train/cli/manual_page.h"
#include "train/cli/program.h"

namespace ghost::cli {

namespace {

// The programs in the order of kCommands.
using Main = int (*)(int argc, char** argv);
constexpr std::array<Main, kCommands.size()> kMains{train_main,   eval_main,    predict_main, info_main,
                                                    convert_main, compare_main, inspect_main};

std::string help(const std::string& program) {
  std::string text = fmt::format("Usage: {} COMMAND [OPTIONS]\n\nCommands, each with its own --help:\n", program);
  for (const CommandText& command : kCommands) text += fmt::format("  {:8}  {}\n", command.name, command.summary);
  return text;
}

// One command with its arguments. Program and command are its name from here on: in messages, and in the commands that
// they propose.
int run_command(size_t command, const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program + " " + kCommands[command].name);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return kMains[command](static_cast<int>(arguments.size()), pointers.data());
}

// Every command prints its own part.
int print_completion(const std::string& program, const std::string& shell) {
  const auto print = [&](const std::function<std::string(const Shell&)>& text) {
    return run_program(program, [&](Terminal& terminal) -> int {
      terminal.text(text(find_shell(shell)));
      return kDone;
    });
  };
  int status = print([&](const Shell& s) { return s.head(program); });
  for (size_t i = 0; i < kCommands.size() && status == kDone; ++i)
    status = run_command(i, program, {"--help-completion", shell});
  return status == kDone ? print([&](const Shell& s) { return s.choice(program) + s.end(program); }) : status;
}

int main(int argc, char** argv) {
  const std::string program = program_name(argc, argv, "ghost"), wanted = argc > 1 ? argv[1] : "";
  for (size_t i = 0; i < kCommands.size(); ++i)
    if (wanted == kCommands[i].name) return run_command(i, argv[0], std::vector<std::string>(argv + 2, argv + argc));
  if (wanted == "--help-completion") return print_completion(program, argc > 2 ? argv[2] : "");
  return run_program(program, [&](Terminal& terminal) -> int {
    if (wanted == "--help" || wanted == "-h") {
      terminal.text(help(program));
      return kDone;
    }
    if (wanted == "--version") {
      terminal.text(version_text(program) + "\n");
      return kDone;
    }
    if (wanted == "--help-man") {
      terminal.text(manual_page_of_commands(program));
      return kDone;
    }
    if (wanted.empty()) {
      terminal.line(help(program), true);
      return kWrongUsage;
    }
    std::vector<std::string> names;
    names.reserve(kCommands.size());
    for (const CommandText& command : kCommands) names.emplace_back(command.name);
    fail_usage("there is no command '{}', but {}{}", wanted, any_of(names), did_you_mean(wanted, names));
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::command_main(int argc, char** argv) { return cli::main(argc, argv); }
