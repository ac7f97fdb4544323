#include "train/cli/help.h"

#include <fmt/core.h>

#include "train/cli/program.h"

namespace ghost::cli {

std::vector<ExitStatus> exit_statuses(bool stops_on_signal) {
  std::vector<ExitStatus> all{{std::to_string(kDone), "done"},
                              {std::to_string(kFailed), "failed"},
                              {std::to_string(kWrongUsage), "wrong usage or configuration"}};
  if (stops_on_signal) all.push_back({fmt::format("{} + signal", int{kInterrupted}), "when stopped (130: Ctrl-C)"});
  return all;
}

std::string with_name(const std::string& text, const std::string& program) {
  const std::string place = "{0}";
  std::string result = text;
  for (size_t at = 0; (at = result.find(place, at)) != std::string::npos; at += program.size())
    result.replace(at, place.size(), program);
  return result;
}

std::string help_footer(const Help& help, const std::string& program) {
  std::string text;
  if (!help.notes.empty()) text += help.notes + "\n\n";
  if (!help.examples.empty()) {
    text += "Examples:\n";
    for (const std::string& example : help.examples) text += "  " + example + "\n";
    text += "\n";
  }
  text += "Exit status: ";
  const char* between = "";
  for (const ExitStatus& one : exit_statuses(help.stops_on_signal)) {
    text += between + one.status + " " + one.meaning;
    between = ", ";
  }
  return with_name(text + ".", program);
}

}  // namespace ghost::cli
