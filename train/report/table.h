// The numbers of a comparison with name, value and text, as the terminal, the page, JSON and CSV show them.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "train/report/comparison.h"

namespace ghost {

struct Cell {
  double value = 0;
  std::optional<Spread> spread = {};  // over runs; value is its mean
  std::string text = {};              // "91.23 ± 0.20 %"
};

struct Measure {
  std::string key, title;  // "accuracy", "test accuracy"
  std::string meaning;     // a sentence
  std::function<std::optional<Cell>(const Configuration&)> of;
};
// Those that at least one configuration has, in the order they are shown.
std::vector<Measure> measures(const Comparison& comparison);

// Configurations side by side, or one below the other if `columns` are too few; then the verdicts, wrapped.
std::string comparison_text(const Comparison& comparison, int columns);

// {"ghost_version", "target", "configurations": […], "runs": […], "verdicts": […], "differences": […],
//  "disagreements": […], "notes": […]}. A measure is a number, or {"mean", "deviation", "low", "high", "count"} of
//  runs.
nlohmann::ordered_json comparison_json(const Comparison& comparison);

// One line for each run, with a line of names; RFC 4180. What is not known is empty.
std::string comparison_csv(const Comparison& comparison);

std::string bytes_text(double bytes);      // "310 MiB"
std::string seconds_text(double seconds);  // "12.3 s", "1:23"
std::string count_text(double count);      // "141.2 M", "853.0 k", "12"
std::string rate_text(double per_second);  // "1,286", "41.3"

}  // namespace ghost
