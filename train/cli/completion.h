// Scripts by which a shell completes the command line of a program, made from its table of options and the description
// of the configuration.
#pragma once
#include <string>
#include <vector>

#include "train/cli/option_table.h"

namespace ghost::cli {

// A key that --set changes.
struct Setting {
  std::string key;                  // "model.name"
  std::vector<std::string> values;  // that are possible, if there are few
  bool file = false;                // text: it may name a file or a folder
};
// Of every model, data set, optimizer and schedule.
std::vector<Setting> all_settings();

struct CompletedProgram {
  std::string name;  // "ghost-train"; with a space, "own_model train", a command of another program
  std::vector<OptionText> options;
  std::vector<Setting> settings;  // empty: it has no option --set
};

// The parts of one shell's scripts, in their order. The script of a program whose first argument is one of kCommands
// has the body of each command.
struct Shell {
  const char* name;                                      // "bash"
  std::string (*head)(const std::string& program);       // the first line
  std::string (*body)(const CompletedProgram& program);  // completes its options
  std::string (*choice)(const std::string& program);     // completes the command, and hands on to its body
  std::string (*end)(const std::string& program);        // tells the shell which program is completed
};
const std::vector<Shell>& shells();
const Shell& find_shell(const std::string& name);  // throws UsageError if there is none of this name

std::string completion_script(const Shell& shell, const CompletedProgram& program);

// The entries of shells(), one for each source file.
Shell bash_shell();
Shell zsh_shell();
Shell fish_shell();

CompletedProgram completed_program(const CLI::App& app);

// What the sources of the shells share.
bool is_command(const std::string& program);            // "own_model train"
std::string function_name(const std::string& program);  // "_own_model_train"
std::string joined(const std::vector<std::string>& words, const std::string& between = " ");
std::vector<std::string> words_of_commands();  // train, eval, …, --help, --version

}  // namespace ghost::cli
