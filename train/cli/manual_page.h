// Manual pages in the language of man(7), section 1, made from what --help shows.
#pragma once
#include <string>

#include "train/cli/help.h"

namespace CLI {  // NOLINT(readability-identifier-naming): as CLI11 has it
class App;
}

namespace ghost::cli {

// Of a program that goes by app's name.
std::string manual_page(const CLI::App& app, const Help& help);

// Of a program whose first argument is one of kCommands (train/cli/commands.h).
std::string manual_page_of_commands(const std::string& program);

}  // namespace ghost::cli
