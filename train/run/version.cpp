#include "train/run/version.h"

namespace ghost {

const char* version() { return GHOST_VERSION; }

}  // namespace ghost
