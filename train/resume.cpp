#include "train/resume.h"

#include <algorithm>
#include <map>
#include <set>
#include <yaml-cpp/yaml.h>

#include "core/nearest.h"

namespace ghost {

namespace {

using Options = std::map<std::string, std::string>;

void flatten(const YAML::Node& node, const std::string& path, Options& into) {
  if (!node.IsMap()) {
    YAML::Emitter value;
    value << YAML::Flow << node;
    into[path] = value.c_str();
    return;
  }
  for (const auto& entry : node) {
    const auto key = entry.first.as<std::string>();
    flatten(entry.second, path.empty() ? key : path + "." + key, into);
  }
}

Options options_of(const Config& config) {
  Options options;
  flatten(YAML::Load(config_to_yaml(config)), "", options);
  return options;
}

std::string value_in(const Options& options, const std::string& key) {
  const auto found = options.find(key);
  return found == options.end() ? "absent" : found->second;
}

}  // namespace

const std::vector<std::string>& resumable_options() {
  static const std::vector<std::string> options{
      "train.epochs", "train.eval_every", "train.eval_batch_size", "train.checkpoint_every", "train.log_every",
      "data.root",    "data.workers",     "data.prefetch",         "data.max_unreadable",    "run.threads",
      "run.dir"};
  return options;
}

LoadedConfig resumed_config(const Checkpoint& checkpoint, const std::string& config_file,
                            const std::vector<std::string>& sets) {
  LoadedConfig loaded = config_file.empty()
                            ? load_config_text(config_to_yaml(checkpoint.config), "the checkpoint's config", sets)
                            : load_config(config_file, sets);
  const Options before = options_of(checkpoint.config), after = options_of(loaded.config);
  std::set<std::string> keys;
  for (const Options* options : {&before, &after})
    for (const auto& [key, value] : *options) keys.insert(key);
  std::string changes;
  for (const std::string& key : keys) {
    const std::string was = value_in(before, key), is = value_in(after, key);
    const auto& allowed = resumable_options();
    if (was == is || std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    changes += fmt::format("{}{} ({} → {})", changes.empty() ? "" : ", ", key, was, is);
  }
  if (!changes.empty())
    fail_usage(
        "a run is continued as it was begun, but this would change {}; a resumed run may change {}; start a new one "
        "for anything else",
        changes, any_of(resumable_options()));
  return loaded;
}

}  // namespace ghost
