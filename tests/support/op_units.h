// The operators and their cases, for tests and benchmarks. No operator's header is included here, so what uses this is
// not compiled anew when one changes.
#pragma once
#include <string>
#include <vector>

#include "core/op_case.h"

namespace ghost::test {

struct OpUnit {
  const char* name;  // "conv2d"
  std::vector<OpCase> (*cases)();
};
const std::vector<OpUnit>& op_units();  // in the order of op_list.inc

std::vector<OpCase> cases_of(const std::string& unit);  // throws Error if there is no such unit

}  // namespace ghost::test
