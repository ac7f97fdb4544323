// What may change when a run is continued.
#pragma once
#include <string>
#include <vector>

#include "train/checkpoint.h"

namespace ghost {

// Options that do not touch what the steps so far have computed: how long, how fast, where from.
const std::vector<std::string>& resumable_options();

// The configuration a run continues with: the checkpoint's, with `sets` ("key=value") applied; or, if `config_file` is
// not empty, that file's with `sets`. Throws UsageError that names every option that would change and must not, with
// its two values.
LoadedConfig resumed_config(const Checkpoint& checkpoint, const std::string& config_file,
                            const std::vector<std::string>& sets);

}  // namespace ghost
