// The reference of all options as a page of documentation (docs/configuration.md), made from their descriptions.
#pragma once
#include <string>

namespace ghost {

// Markdown: every option, by section, with values, default, who reads it and what it does. Registered models and their
// own options are in it.
std::string options_markdown();

}  // namespace ghost
