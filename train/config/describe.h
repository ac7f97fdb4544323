// The description of the whole configuration: the descriptions of its parts, which stand beside their structs.
#pragma once
#include "core/options.h"
#include "train/config/config.h"

namespace ghost {

// It points into `config`, whose parts are not to be replaced while it is used.
Description describe(Config& config);

}  // namespace ghost
