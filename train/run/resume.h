// What may change when a run is continued.
#pragma once
#include <string>
#include <vector>

#include "train/run/checkpoint.h"

namespace ghost {

// Options that do not touch what the steps so far have computed: how long, how fast, where from.
const std::vector<std::string>& resumable_options();

// The configuration a run continues with: the checkpoint's, with `overrides` ("key=value") applied; or, if
// `config_file` is not empty, that file's with `overrides`. Throws UsageError that names every option that would change
// and must not, with its two values.
LoadedConfig resumed_config(const Checkpoint& checkpoint, const std::string& config_file,
                            const std::vector<std::string>& overrides);

}  // namespace ghost
