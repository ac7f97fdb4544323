#include "train/report/config_diff.h"

#include <algorithm>

#include "train/config/describe.h"
#include "train/config/values.h"

namespace ghost {

namespace {

constexpr const char* kAbsent = "–";

std::vector<std::string> values_of(const Config& config) {
  Config copy = config, standard;
  const Description description = describe(copy), standards = describe(standard);
  std::vector<std::string> values;
  values.reserve(description.fields().size());
  for (size_t i = 0; i < description.fields().size(); ++i) {
    const Field& field = description.fields()[i];
    const Section* elsewhere = nullptr;
    const std::string value = value_to_yaml(field);
    // As config_to_yaml() prints it.
    const bool follows = field.rule.set && !*field.rule.set && value == value_to_yaml(standards.fields()[i]);
    if (!description.owners_elsewhere(field.path, elsewhere).empty())
      values.emplace_back(kAbsent);
    else
      values.push_back(follows ? "auto" : value);
  }
  return values;
}

}  // namespace

std::vector<OptionRow> config_differences(const std::vector<Config>& configs) {
  std::vector<std::vector<std::string>> all;
  all.reserve(configs.size());
  for (const Config& config : configs) all.push_back(values_of(config));
  Config names;
  const Description description = describe(names);
  std::vector<OptionRow> rows;
  for (size_t i = 0; i < description.fields().size(); ++i) {
    OptionRow row{description.fields()[i].path, {}};
    for (const auto& values : all) row.values.push_back(values[i]);
    const auto other = std::find_if(row.values.begin(), row.values.end(),
                                    [&](const std::string& value) { return value != row.values.front(); });
    if (other != row.values.end()) rows.push_back(std::move(row));
  }
  return rows;
}

const std::vector<std::string>& options_without_effect_on_results() {
  static const std::vector<std::string> options{"run.dir",
                                                "run.threads",
                                                "run.tensorboard",
                                                "data.workers",
                                                "data.prefetch",
                                                "train.checkpoint_every",
                                                "train.checkpoint_minutes",
                                                "train.keep",
                                                "train.log_every"};
  return options;
}

std::vector<OptionRow> differences_that_change_results(const Config& a, const Config& b) {
  std::vector<OptionRow> rows = config_differences({a, b});
  const auto& without = options_without_effect_on_results();
  std::erase_if(rows, [&](const OptionRow& row) {
    return std::find(without.begin(), without.end(), row.option) != without.end();
  });
  return rows;
}

}  // namespace ghost
