// What may change when a run is continued.
#pragma once
#include <string>
#include <vector>

#include "train/run/checkpoint.h"

namespace ghost {

// Options that may change because no result of the steps so far depends on them: how long the run is, how fast, and
// where its data lies.
const std::vector<std::string>& resumable_options();

// The configuration that a run continues with: that of the checkpoint, or of `config_file` if it is not empty, with
// `overrides` ("key=value") applied. Throws UsageError that names every option that would change
// and must not, with its two values.
LoadedConfig resumed_config(const Checkpoint& checkpoint, const std::string& config_file,
                            const std::vector<std::string>& overrides);

}  // namespace ghost
