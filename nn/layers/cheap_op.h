// Cheap operations make the ghosts of a ghost layer from its intrinsic maps. Any cheap linear operation on single maps
// will do (Han et al., arXiv 1911.11907, sections 3.1 and 4.1); which one is a parameter of the ghost layers, and each
// has one line in the table.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"

namespace ghost {

struct CheapOpOptions {
  int64_t in = 0;      // intrinsic maps
  int64_t out = 0;     // ghosts, a multiple of `in`: ghost j is made from map ⌊j/(out/in)⌋
  int64_t kernel = 3;  // odd
};

struct CheapOpEntry {
  std::string name, summary;  // summary: what a ghost is, and what is learned
  int64_t least_kernel;       // 0: `kernel` changes nothing
  // x (N, H, W, in) → y (N, H, W, out), without the batch norm and the activation that follow.
  ModulePtr (*make)(const CheapOpOptions& options);
};
const std::vector<CheapOpEntry>& cheap_op_table();
std::vector<std::string> cheap_op_names();

// Throws UsageError naming the nearest valid value; messages begin with the name of the `layer` that asks.
void require_cheap_op(const char* layer, const std::string& name, int64_t kernel);
ModulePtr make_cheap_op(const std::string& name, const CheapOpOptions& options);

}  // namespace ghost
