#include "train/hooks/hook_table.h"

#include <algorithm>

#include "core/error.h"
#include "train/hooks/ema.h"
#include "train/hooks/lookahead.h"

namespace ghost {
namespace {

// The order is that in which hooks act at each place.
std::vector<HookEntry>& table() {
  static std::vector<HookEntry> entries{lookahead_hook(), ema_hook()};
  return entries;
}

}  // namespace

const std::vector<HookEntry>& hook_table() { return table(); }

void register_hook(HookEntry entry) {
  if (entry.name.empty()) fail_usage("a hook needs a name");
  if (std::any_of(table().begin(), table().end(), [&](const HookEntry& e) { return e.name == entry.name; }))
    fail_usage("there is a hook '{}' already", entry.name);
  if (!entry.make || !entry.describe)
    fail_usage("the hook '{}' has no function that makes it; hook_entry() gives a complete line", entry.name);
  table().push_back(std::move(entry));
}

HookOptions::HookOptions() {
  for (const HookEntry& entry : table()) values_.push_back(entry.options);
}

void describe(HookOptions& options, Description& description) {
  for (size_t i = 0; i < options.values_.size(); ++i) table()[i].describe(options.values_[i], description);
}

std::vector<NamedHook> make_hooks(const HookOptions& options, const HookSetup& setup) {
  std::vector<NamedHook> hooks;
  for (size_t i = 0; i < options.values_.size(); ++i)
    if (table()[i].on(options.values_[i]))
      hooks.push_back({table()[i].name, table()[i].make(options.values_[i], setup)});
  return hooks;
}

std::vector<std::string> weights_of_hooks(const HookOptions& options) {
  std::vector<std::string> names;
  for (size_t i = 0; i < options.values_.size(); ++i)
    if (table()[i].keeps_weights && table()[i].on(options.values_[i])) names.push_back(table()[i].name);
  return names;
}

}  // namespace ghost
