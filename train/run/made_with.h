// What the bits of a result depend on besides configuration, seed and data: facts of the machine and of the program.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace ghost {

// Facts by name, {"isa": "avx512", "blas": "OpenBLAS 0.3.21 USE_OPENMP SkylakeX"}. Equal machines with equal programs
// give equal facts.
using MadeWith = std::map<std::string, std::string>;
MadeWith made_here();

// A sentence for each fact that differs. What one of the two does not say is no difference.
std::vector<std::string> differences(const MadeWith& before, const MadeWith& now);

}  // namespace ghost
