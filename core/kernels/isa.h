// Which instruction set the kernels run on.
#pragma once
#include <string>
#include <vector>

namespace ghost {

// Those this processor runs, best first: a part of {"amxbf16", "avx512bf16", "avx512", "avx2",
// "baseline"}.
std::vector<std::string> available_isas();
// Changes the choice from now on, for tests and measurements; not while kernels run. Throws UsageError if this
// processor cannot run it.
void set_isa(const std::string& name);

}  // namespace ghost
