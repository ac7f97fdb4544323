// What the bits of a result depend on besides configuration, seed and data: facts of the machine and of the program.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "data/registry.h"

namespace ghost {

// Facts by name, {"isa": "avx512", "blas": "OpenBLAS 0.3.21 USE_OPENMP SkylakeX", "jpeg": "libjpeg-turbo 2.1.5"}; the
// last where the data are files of pictures. Equal machines with equal programs give equal facts.
using MadeWith = std::map<std::string, std::string>;
MadeWith made_here(const DataConfig& data);
// Of the programs that did not write it down yet.
MadeWith made_by_old_programs(const DataConfig& data);

// A sentence for each fact that differs. What one of the two does not say is no difference.
std::vector<std::string> differences(const MadeWith& before, const MadeWith& now);

}  // namespace ghost
