#include "support/op_units.h"

#include "core/error.h"

// The list is read twice, for the declarations and for the table, so that an operator needs one line.
namespace ghost {

#define GHOST_OPERATOR(unit) std::vector<OpCase> unit##_cases();
#include "op_list.inc"
#undef GHOST_OPERATOR

}  // namespace ghost

namespace ghost::test {

const std::vector<OpUnit>& op_units() {
  static const std::vector<OpUnit> units{
#define GHOST_OPERATOR(unit) {#unit, unit##_cases},
#include "op_list.inc"
#undef GHOST_OPERATOR
  };
  return units;
}

std::vector<OpCase> cases_of(const std::string& name) {
  for (const OpUnit& unit : op_units())
    if (name == unit.name) return unit.cases();
  fail("there is no operator unit '{}'", name);
}

}  // namespace ghost::test
