// The table of hooks that a configuration can turn on. A hook named "ema" has its options under train.ema and its state
// in the checkpoint's section "ema.".
#pragma once
#include <functional>

#include "train/hooks/hook.h"
#include "train/hooks/hook_options.h"

namespace ghost {

// The run that hooks are made for.
struct HookSetup {
  Module& model;  // outlives the hooks; the values that training starts from come later (TrainingHook::start)
  uint64_t seed = 0;
  int64_t curve_steps = 1;  // length of curves over the run (StepContext::curve_step)
};

struct HookEntry {
  std::string name, summary;
  std::string state;  // what the hook remembers, "averaged weights"; empty: nothing, so it has no section
  // Its state is a second set of the network's values under the model's own names (TrainingHook::swap_weights), which
  // programs can take up in place of the model's.
  bool keeps_weights = false;
  std::vector<std::string> example;  // options that turn it on, {"decay=0.99"}; tests run with them
  // The rest is filled in by hook_entry().
  std::any options{};
  std::function<void(std::any& options, Description&)> describe{};
  std::function<bool(const std::any& options)> on{};
  std::function<TrainingHookPtr(const std::any& options, const HookSetup&)> make{};
};

// The line of a hook with these options. `bool Options::on() const` says whether they turn the hook on; their initial
// values do not. `make` throws UsageError where they do not go together. `void describe(Options&, Description&)` stands
// beside Options.
template <class Options>
HookEntry hook_entry(HookEntry line, TrainingHookPtr (*make)(const Options& options, const HookSetup& setup)) {
  line.options = Options{};
  line.describe = [name = line.name, summary = line.summary](std::any& options, Description& description) {
    description.section(name, summary, *std::any_cast<Options>(&options));
  };
  line.on = [](const std::any& options) { return std::any_cast<Options>(&options)->on(); };
  line.make = [make](const std::any& options, const HookSetup& setup) {
    return make(*std::any_cast<Options>(&options), setup);
  };
  return line;
}

const std::vector<HookEntry>& hook_table();

// Adds a hook of a program of one's own; call it at the start of main, before any configuration is made. Throws
// UsageError if it has no name or one that is taken, or if it was not made by hook_entry().
void register_hook(HookEntry entry);

struct NamedHook {
  std::string name;
  TrainingHookPtr hook;
};
// The hooks that the options turn on, in the order of the table.
std::vector<NamedHook> make_hooks(const HookOptions& options, const HookSetup& setup);

}  // namespace ghost
