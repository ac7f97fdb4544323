#include "train/run/resume.h"

#include <algorithm>

#include "core/nearest.h"
#include "train/config/describe.h"
#include "train/config/values.h"

namespace ghost {

const std::vector<std::string>& resumable_options() {
  static const std::vector<std::string> options{
      "train.epochs", "train.eval_every", "train.eval_batch_size", "train.checkpoint_every", "train.log_every",
      "data.root",    "data.workers",     "data.prefetch",         "data.max_unreadable",    "run.threads",
      "run.dir"};
  return options;
}

LoadedConfig resumed_config(const Checkpoint& checkpoint, const std::string& config_file,
                            const std::vector<std::string>& overrides) {
  LoadedConfig loaded = config_file.empty()
                            ? load_config_text(config_to_yaml(checkpoint.config), "the checkpoint's config", overrides)
                            : load_config(config_file, overrides);
  Config before = checkpoint.config;
  const Description was = describe(before), is = describe(loaded.config);
  const auto& allowed = resumable_options();
  std::string changes;
  for (size_t i = 0; i < was.fields().size(); ++i) {
    const Field& field = was.fields()[i];
    const std::string old_value = value_to_yaml(field), new_value = value_to_yaml(is.fields()[i]);
    if (old_value == new_value || std::find(allowed.begin(), allowed.end(), field.path) != allowed.end()) continue;
    changes += fmt::format("{}{} ({} to {})", changes.empty() ? "" : ", ", field.path, old_value, new_value);
  }
  if (!changes.empty())
    fail_usage(
        "a run is continued as it was begun, but this would change {}; only {} can change, anything else is a new run",
        changes, any_of(allowed));
  return loaded;
}

}  // namespace ghost
