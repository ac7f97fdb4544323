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
// `overrides` ("key=value") applied. Throws UsageError that names every option that would change and must not, with its
// two values.
LoadedConfig resumed_config(const Checkpoint& checkpoint, const std::string& config_file,
                            const std::vector<std::string>& overrides);

// What becomes of the learning rate where a run at `progress` goes on with another length of its curve: a sentence with
// the rate of the last step and of the next. Empty where the length is the same, or where the curve does not depend on
// it.
std::string change_of_schedule(const Config& before, const Config& now, const Progress& progress,
                               int64_t steps_per_epoch);

}  // namespace ghost
