#include "nn/classifier.h"

namespace ghost {

std::string classifier_of(Module& model) {
  std::string path;
  bool found = false;
  for (const auto& [name, module] : model.modules())
    for (const Parameter& p : module->own_parameters())
      if (p.name == "weight" && p.tensor.rank() >= 2) path = name, found = true;
  if (!found) fail("{}: has no layer with a weight matrix that could be its classifier", model.kind());
  return path;
}

}  // namespace ghost
