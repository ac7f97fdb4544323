// The blocks that memory.h keeps for the next step.
#pragma once

namespace ghost {

// Gives all that are not in use back to the system. For measuring what a program would need that starts anew.
void release_cached_memory();

}  // namespace ghost
