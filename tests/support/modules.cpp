#include "support/modules.h"

#include "nn/state_dict.h"

namespace ghost::test {

int64_t parameter_count(const Module& module) {
  int64_t count = 0;
  for (const Parameter& p : module.parameters()) count += p.tensor.numel();
  return count;
}

std::vector<std::string> entry_names(Module& module) {
  std::vector<std::string> names;
  for (const NamedTensor& e : state_dict(module)) names.push_back(e.name);
  return names;
}

Shape output_shape(Module& module, const Shape& x) {
  module.initialise(0);
  return module(random_tensor(x, 0)).shape();
}

}  // namespace ghost::test
