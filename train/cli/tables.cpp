#include "train/cli/tables.h"

#include <algorithm>
#include <fmt/core.h>
#include <vector>

#include "data/augment/augmentation.h"
#include "data/registry.h"
#include "nn/layers/cheap_op.h"
#include "nn/models/registry.h"
#include "train/optim/optimizer.h"
#include "train/optim/schedule.h"

namespace ghost::cli {

namespace {

// Every registry is a vector of {name, summary, …}; most have options.
template <class Entry>
std::string section(const char* title, const char* key, const char* option_prefix, const std::vector<Entry>& entries) {
  size_t width = 0;
  for (const Entry& entry : entries) width = std::max(width, entry.name.size());
  std::string text = fmt::format("{} ({})\n", title, key);
  for (const Entry& entry : entries) {
    text += fmt::format("  {:{}}  {}\n", entry.name, width, entry.summary);
    std::string options;
    if constexpr (requires { entry.options; })
      for (const std::string& option : entry.options)
        options += (options.empty() ? "" : ", ") + (option_prefix + option);
    if (!options.empty()) text += fmt::format("  {:{}}  options: {}\n", "", width, options);
  }
  return text;
}

}  // namespace

std::string choices() {
  return section("Models", "model.name", "model.", model_table()) + "\n" +
         section("Convolutions", "model.conv.name", "model.conv.", conv_choice_table()) + "\n" +
         section("Cheap operations", "model.conv.cheap_op, model.cheap_op", "", cheap_op_table()) + "\n" +
         section("Data sets", "data.name", "data.", dataset_table()) + "\n" +
         section("Augmentations", "under data.augment, in the order of application", "data.augment.", augmentations()) +
         "\n" + section("Optimizers", "optimizer.name", "optimizer.", optimizer_table()) + "\n" +
         section("Schedules", "schedule.name", "schedule.", schedule_table());
}

}  // namespace ghost::cli
