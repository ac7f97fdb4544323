// A command line, run by the shell until it ends.
#pragma once
#include <string>

namespace ghost::test {

struct CommandResult {
  std::string output;  // of both streams
  int status = -1;     // exit status; −1 if a signal ended it
};
CommandResult run_command(const std::string& command);  // throws Error if no shell can be started

}  // namespace ghost::test
