// The options under `run:`.
#pragma once
#include <cstdint>
#include <string>

#include "core/options.h"

namespace ghost {

struct RunConfig {
  uint64_t seed = 0;
  int64_t threads = 0;  // 0: all cores
  std::string dir;      // empty: runs/<config name>-<n>
  bool tensorboard = false;
};
void describe(RunConfig& config, Description& description);

}  // namespace ghost
