// The options in which configurations differ.
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

// Options that cannot change the results of a run: folders, threads, loading.
const std::vector<std::string>& options_without_effect_on_results();
// Differences between two configurations without the options that have no effect on results.
std::vector<OptionRow> differences_that_change_results(const Config& a, const Config& b);

}  // namespace ghost
