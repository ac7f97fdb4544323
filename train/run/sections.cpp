#include "train/run/sections.h"

#include <algorithm>

#include "core/error.h"
#include "train/hooks/hook_table.h"

namespace ghost {

std::vector<TensorSection> tensor_sections() {
  std::vector<TensorSection> sections{
      {.name = kModelSection, .prefix = "", .what = "the network", .read_by = ReadBy::everyone},
      {.name = kOptimizerSection, .prefix = "optimizer.", .what = "optimizer state"},
      {.name = kScheduleSection, .prefix = "schedule.", .what = "schedule state"},
  };
  for (const HookEntry& hook : hook_table()) {
    if (hook.state.empty()) continue;
    if (std::any_of(sections.begin(), sections.end(), [&](const TensorSection& s) { return s.name == hook.name; }))
      fail_usage("a hook is called '{}', but that is the name of another section of checkpoints", hook.name);
    sections.push_back(
        {.name = hook.name, .prefix = hook.name + ".", .what = hook.state, .is_weights = hook.keeps_weights});
  }
  return sections;
}

const TensorSection& section_of(const std::vector<TensorSection>& sections, std::string_view entry) {
  const auto claims = [&](const TensorSection& s) { return !s.prefix.empty() && entry.starts_with(s.prefix); };
  const auto found = std::find_if(sections.begin(), sections.end(), claims);
  if (found != sections.end()) return *found;
  return *std::find_if(sections.begin(), sections.end(), [](const TensorSection& s) { return s.prefix.empty(); });
}

}  // namespace ghost
