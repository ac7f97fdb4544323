// The options of a program, read from its CLI11 table, for its manual page and for the completion of shells.
#pragma once
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): as CLI11 has it
class App;
}

namespace ghost::cli {

// What can stand for an option's value, as far as a shell can propose it.
enum class ValueKind { unknown, choice, file, folder, setting };

struct OptionText {
  std::vector<std::string> names;  // "-o", "--output"; of an argument without an option, what it is called: "pictures"
  bool positional = false;         // such an argument
  std::string value{};             // "FILE"; empty: takes none
  int values = 0;                  // how many words follow it at least: 0 for a flag
  ValueKind kind = ValueKind::unknown;
  std::vector<std::string> choices{};  // of ValueKind::choice
  std::string range{};                 // of a number, "0 - 1024"; empty: any
  std::string summary{};
  std::vector<std::string> excludes{}, needs{};             // other options, by name
  const std::string& name() const { return names.back(); }  // the longest
};

// In the order of --help; without those that --help does not show.
std::vector<OptionText> option_table(const CLI::App& app);

}  // namespace ghost::cli
