#include "train/inspect/layer_maps.h"

#include <algorithm>
#include <fnmatch.h>
#include <map>

#include "core/nearest.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/ghost_base.h"
#include "nn/layers/squeeze_excite.h"
#include "nn/mode_scope.h"

namespace ghost {

namespace {

using NamedModule = std::pair<std::string, Module*>;

bool mixes_channels(const Module& module) {
  const auto* conv = dynamic_cast<const Conv2d*>(&module);
  return conv && (conv->options().groups < conv->options().in || conv->options().in == 1);
}

// Whether the module is a convolution with what follows it, and nothing else.
bool is_unit(Module& module) {
  int convolutions = 0;
  for (const auto& [path, inner] : module.modules()) convolutions += dynamic_cast<Conv2d*>(inner) != nullptr;
  const auto children = module.children();
  return convolutions == 1 && !children.empty() && mixes_channels(*children.front().second) &&
         std::none_of(children.begin(), children.end(),
                      [](const auto& child) { return !child.second->children().empty(); });
}

void collect(Module& module, const std::string& path, std::vector<std::string>& to) {
  if (dynamic_cast<SqueezeExcite*>(&module)) return;  // it computes with averages, not with maps
  if (dynamic_cast<GhostBase*>(&module) || is_unit(module) || mixes_channels(module)) return to.push_back(path);
  const std::vector<NamedModule> children = module.children();
  for (size_t i = 0; i < children.size(); i++) {
    // A batch norm beside its convolution: the maps are finished behind it.
    const bool has_norm = i + 1 < children.size() && mixes_channels(*children[i].second) &&
                          dynamic_cast<BatchNorm2d*>(children[i + 1].second);
    const auto& [name, child] = children[has_norm ? i + 1 : i];
    if (has_norm)
      to.push_back(join_path(path, name));
    else
      collect(*child, join_path(path, name), to);
  }
}

// The depthwise kernels of a ghost layer.
Tensor cheap_filters(Module& ghost_layer) {
  const auto parts = ghost_layer.children();
  if (parts.size() < 2) return {};
  for (const auto& [name, part] : parts[1].second->children())
    if (const auto* conv = dynamic_cast<const Conv2d*>(part)) {
      const Tensor& w = conv->weight();  // (ghosts, d, d, 1)
      return Tensor::from(w.to_vector<double>(), {w.size(0), w.size(1), w.size(2)});
    }
  return {};
}

std::vector<std::string> matching(Module& model, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return map_layers(model);
  std::vector<std::string> known, chosen;
  for (const auto& [path, module] : model.modules())
    if (!path.empty()) known.push_back(path);
  const std::vector<std::string> usual = map_layers(model);
  for (const std::string& pattern : patterns) {
    const size_t before = chosen.size();
    for (const std::string& path : known)
      if (fnmatch(pattern.c_str(), path.c_str(), 0) == 0) chosen.push_back(path);
    if (chosen.size() == before)
      fail_usage("--layer {}: there is no such layer in {}{}; the usual ones are {}", pattern, model.kind(),
                 did_you_mean(pattern, known), any_of(usual));
  }
  return chosen;
}

}  // namespace

std::vector<std::string> map_layers(Module& model) {
  std::vector<std::string> paths;
  collect(model, "", paths);
  return paths;
}

std::vector<LayerMaps> layer_maps(Module& model, const Tensor& pictures, const std::vector<std::string>& patterns) {
  const std::vector<std::string> paths = matching(model, patterns);
  std::map<const Module*, Tensor> results;
  for (const auto& [path, module] : model.modules())
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) results[module] = {};
  {
    const NoGrad no_grad;
    const ModeScope evaluation(model, false);
    const ForwardObserver observer([&](Module& module, const Tensor&, const Tensor& y) {
      const auto wanted = results.find(&module);
      if (wanted != results.end()) wanted->second = y.clone();
    });
    model(pictures);
  }
  std::vector<LayerMaps> all;
  for (const auto& [path, module] : model.modules()) {
    const auto found = results.find(module);
    if (found == results.end() || !found->second.defined() || found->second.rank() != 4) continue;
    // A single pixel is no map. It is inspected only if its layer is asked for by name.
    if (patterns.empty() && found->second.size(1) * found->second.size(2) == 1) continue;
    LayerMaps layer{.name = path, .kind = module->kind(), .maps = found->second, .filters = {}};
    if (const auto* ghost = dynamic_cast<const GhostBase*>(module)) {
      layer.intrinsic = std::min(ghost->intrinsic(), ghost->out());
      layer.ghosts = ghost->ghosts();
      layer.filters = cheap_filters(*module);
    }
    all.push_back(std::move(layer));
  }
  if (all.empty())
    fail_usage("--layer {}: its result is not a stack of maps (N, H, W, C); the usual layers are {}",
               patterns.empty() ? "" : patterns.front(), any_of(map_layers(model)));
  return all;
}

}  // namespace ghost
