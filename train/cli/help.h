// What the help and the manual page of a program say besides its options.
#pragma once
#include <string>
#include <vector>

namespace ghost::cli {

// "{0}" in a text stands for the name that the program goes by.
struct Help {
  // Paragraphs, with an empty line between two. Lines that begin with two spaces are printed as they are, all others
  // may be filled anew.
  std::string notes{};
  std::vector<std::string> examples{};  // whole commands, "{0} --config configs/ghostnet.yaml"
  bool stops_on_signal = false;         // a signal ends the program in order, with a status of its own
};

struct ExitStatus {
  std::string status, meaning;  // "2", "wrong usage or configuration"
};
std::vector<ExitStatus> exit_statuses(bool stops_on_signal);

// The text with the program's name put in.
std::string with_name(const std::string& text, const std::string& program);

// What stands below the options in --help: notes, examples and exit statuses.
std::string help_footer(const Help& help, const std::string& program);

}  // namespace ghost::cli
