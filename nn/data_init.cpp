#include "nn/data_init.h"

namespace ghost {

void initialise_from_data(Module& model, const std::function<Tensor()>& images) {
  Tensor seen;
  for (const auto& [path, module] : model.modules()) {
    auto* const layer = dynamic_cast<InitialisedFromData*>(module);
    if (!layer) continue;
    if (!seen.defined()) seen = images();
    at_path(path, [&, layer = layer] { layer->initialise_from(seen); });
  }
}

}  // namespace ghost
