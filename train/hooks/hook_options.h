// The options of all hooks (hook_table.h), as a configuration carries them.
#pragma once
#include <any>
#include <string>
#include <vector>

#include "core/options.h"

namespace ghost {

class HookOptions {
 public:
  HookOptions();  // every hook has the options that its line of the table starts from

 private:
  friend void describe(HookOptions& options, Description& description);
  friend std::vector<struct NamedHook> make_hooks(const HookOptions& options, const struct HookSetup& setup);
  friend std::vector<std::string> weights_of_hooks(const HookOptions& options);
  std::vector<std::any> values_;  // one struct for each line of the table, in its order
};

// One section for each hook, under the hook's name.
void describe(HookOptions& options, Description& description);

// Names of the hooks that the options turn on and that keep weights of their own (HookEntry::keeps_weights), in the
// order of the table.
std::vector<std::string> weights_of_hooks(const HookOptions& options);

}  // namespace ghost
