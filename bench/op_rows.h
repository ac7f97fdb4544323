// Operators at the sizes that they have in the networks of bench/configs.
#pragma once
#include <vector>

#include "core/op_case.h"

namespace ghost::bench {

struct OpRow {
  const char* op;   // "conv2d"
  OpCase at_size;   // named by its shapes; inputs as the operator takes them, (N, H, W, C) and (O, KH, KW, C/groups)
  double macs = 0;  // of linear layers; those of convolutions are counted when they run
};
std::vector<OpRow> network_rows();

}  // namespace ghost::bench
