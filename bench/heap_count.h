#pragma once
#include <cstdint>

namespace ghost::bench {

// How often operator new has been called so far, by all threads: small things beside the arena's blocks, such as the
// nodes of the tape. A program that calls this has its operator new replaced by one that counts.
int64_t heap_allocations();

}  // namespace ghost::bench
