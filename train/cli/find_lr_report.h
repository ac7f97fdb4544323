// What a search for the learning rate has found: as text, as JSON and as a page.
#pragma once
#include <optional>
#include <string>

#include "train/cli/terminal.h"
#include "train/loop/find_lr.h"

namespace ghost::cli {

struct FoundLr {
  std::string name;  // of the configuration
  Config config;
  LrSweep sweep;
  LrCurve curve;
  std::optional<LrSuggestion> suggestion{};
};

// A table of the curve, thinned, and a sentence.
std::string find_lr_text(const FoundLr& found, const Terminal& terminal);
// One object; "suggested_lr" and "steepest_lr" are null where nothing can be suggested.
std::string find_lr_json(const FoundLr& found);
// One HTML file that needs no other file and no script.
std::string find_lr_page(const FoundLr& found);

}  // namespace ghost::cli
