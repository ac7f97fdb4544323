#include "nn/cost.h"

#include <algorithm>
#include <map>

#include "nn/layers/batch_norm2d.h"
#include "nn/layers/ghost_base.h"
#include "nn/layers/linear.h"
#include "nn/mode_scope.h"

namespace ghost {
namespace {

ParameterCount own_count(const Module& module) {
  ParameterCount count;
  for (const Parameter& p : module.own_parameters()) {
    count.all += p.tensor.numel();
    if (p.tensor.requires_grad()) count.trainable += p.tensor.numel();
  }
  if (dynamic_cast<const BatchNorm2d*>(&module)) count.norm = count.all;
  if (dynamic_cast<const Linear*>(&module)) count.linear = count.all;
  return count;
}

// A parameter of the cheap operation has one row for each of its channels; the last rows belong to the dead channels.
int64_t dead_parameters(const GhostBase& ghost) {
  int64_t count = 0;
  for (const auto& [name, child] : ghost.children())
    for (const Parameter& p : child->parameters())
      if (child != ghost.children().front().second && p.tensor.size(0) == ghost.ghosts())
        count += p.tensor.numel() / ghost.ghosts() * ghost.dead();
  return count;
}

}  // namespace

ParameterCount& ParameterCount::operator+=(const ParameterCount& o) {
  all += o.all, trainable += o.trainable, norm += o.norm, linear += o.linear;
  return *this;
}

NetworkCost measure_cost(Module& model, const Tensor& x) {
  NetworkCost result;
  std::map<const Module*, size_t> place;
  for (const auto& [path, module] : model.modules()) {
    LayerCost layer{.name = path, .kind = module->kind(), .module = module, .parameters = own_count(*module)};
    if (!path.empty()) layer.depth = static_cast<int>(std::count(path.begin(), path.end(), '.')) + 1;
    if (const auto* ghost = dynamic_cast<const GhostBase*>(module); ghost && ghost->dead() > 0)
      layer.dead_channels = ghost->dead(), layer.dead_parameters = dead_parameters(*ghost);
    place.emplace(module, result.layers.size());
    result.layers.push_back(std::move(layer));
  }
  {
    const NoGrad no_grad;
    const ModeScope evaluation(model, false);
    const ForwardObserver observer([&](Module& module, const Tensor& in, const Tensor& out) {
      const auto known = place.find(&module);
      if (known == place.end()) return;  // called, but no part of the model
      LayerCost& layer = result.layers[known->second];
      const Shape &from = in.shape(), &to = out.shape();
      layer.calls++, layer.input = from, layer.output = to;
      layer.macs += module.macs(from, to) / std::max<int64_t>(from.rank() ? from[0] : 1, 1);
    });
    result.output = model(x);
  }
  // Children come after their parents. So from the end, a module is complete when it is added to its parent.
  for (size_t i = result.layers.size(); i-- > 1;) {
    size_t parent = i - 1;
    while (result.layers[parent].depth >= result.layers[i].depth) parent--;
    result.layers[parent].parameters += result.layers[i].parameters;
    result.layers[parent].macs += result.layers[i].macs;
  }
  return result;
}

}  // namespace ghost
