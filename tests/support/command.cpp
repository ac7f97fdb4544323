#include "support/command.h"

#include <array>
#include <cstdio>
#include <sys/wait.h>

#include "core/error.h"

namespace ghost::test {

CommandResult run_command(const std::string& command) {
  // The braces make the redirection hold for all of a pipeline or list.
  FILE* pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  if (!pipe) fail("cannot start a shell for: {}", command);
  CommandResult result;
  std::array<char, 4096> part{};
  while (const size_t n = fread(part.data(), 1, part.size(), pipe)) result.output.append(part.data(), n);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
  return result;
}

}  // namespace ghost::test
