// The tensors of a checkpoint lie in named sections; the prefix of an entry's name says which section it is in. This
// table is the only place that knows the prefixes. In memory, entries of a section go by their names without it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ghost {

inline constexpr const char* kModelSection = "model";
inline constexpr const char* kOptimizerSection = "optimizer";
inline constexpr const char* kScheduleSection = "schedule";

enum class ReadBy {
  everyone,     // the network's own values, which every program and model.pretrained take up
  resumed_run,  // what a run continues with; all others pass over it and say how much that was
};

struct TensorSection {
  std::string name;    // "optimizer"
  std::string prefix;  // "optimizer."; empty: of every entry that no other section claims
  std::string what;    // what it holds, for messages: "passed over 3 entries of optimizer state"
  ReadBy read_by = ReadBy::resumed_run;
  bool is_weights = false;  // a second set of the network's values (HookEntry::keeps_weights)
};

// The model, the optimizer, the schedule, and each hook that remembers something (train/hooks/hook_table.h), in the
// order in which a file lists them. Throws UsageError if a hook has the name of another section.
std::vector<TensorSection> tensor_sections();

// The section of `sections` that an entry of this name, with its prefix, is in.
const TensorSection& section_of(const std::vector<TensorSection>& sections, std::string_view entry);

}  // namespace ghost
