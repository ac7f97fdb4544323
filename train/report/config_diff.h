// In what configurations differ.
#pragma once
#include <string>
#include <vector>

#include "train/config/config.h"

namespace ghost {

// An option and its value in each configuration, as YAML; "auto" where it follows the data, "–" where the selected
// model, data set, … does not have it.
struct OptionRow {
  std::string option;
  std::vector<std::string> values;
};
// The options whose values are not the same everywhere, in the order of the configuration.
std::vector<OptionRow> config_differences(const std::vector<Config>& configs);

// Options that cannot change what a run computes: where it lies, and how fast it goes.
const std::vector<std::string>& indifferent_options();
// Of two configurations of one run: the differences without those.
std::vector<OptionRow> essential_differences(const Config& a, const Config& b);

}  // namespace ghost
