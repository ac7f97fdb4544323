// What ghost-info prints.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "train/cli/terminal.h"
#include "train/loop/model_info.h"

namespace ghost::cli {

// A model under the name by which it was asked for, with notes on where it came from.
struct NamedInfo {
  std::string name;
  std::vector<std::string> notes;
  ModelInfo info;
};

// Levels of the tree that are shown; 0: as many as fit on a screen.
std::string info_text(const NamedInfo& model, int depth, const Terminal& terminal);
nlohmann::ordered_json info_json(const NamedInfo& model);

// Two models side by side; ratios say how many times as much `a` has as `b`.
std::string comparison_text(const NamedInfo& a, const NamedInfo& b, int depth, const Terminal& terminal);
nlohmann::ordered_json comparison_json(const NamedInfo& a, const NamedInfo& b);

}  // namespace ghost::cli
