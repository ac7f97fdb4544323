#include "nn/models/deployed.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <map>

#include "core/error.h"
#include "nn/layers/merge.h"

namespace ghost {
namespace {

bool reads_deployed(const ModelEntry& entry) {
  return std::count(entry.options.begin(), entry.options.end(), "deployed") > 0;
}

}  // namespace

bool has_branches(const std::string& model_name) {
  return std::any_of(model_table().begin(), model_table().end(),
                     [&](const ModelEntry& e) { return e.name == model_name && reads_deployed(e); });
}

ModulePtr deployed_network(Module& trained, ModelConfig config) {
  if (!has_branches(config.name)) {
    std::vector<std::string> names;
    for (const ModelEntry& entry : model_table())
      if (reads_deployed(entry)) names.push_back(entry.name);
    fail_usage("{} has no parallel branches to merge; there are {}", config.name, fmt::join(names, ", "));
  }
  if (config.deployed) fail_usage("{}: the branches of this network are merged already", config.name);
  config.deployed = true;
  ModulePtr model = construct_model(config);

  std::map<std::string, Tensor> values;
  for (const Parameter& p : trained.parameters()) values[p.name] = p.tensor;
  for (const Buffer& b : trained.buffers()) values[b.name] = b.tensor;
  if (!values.empty()) model->to(trained.parameters().front().tensor.dtype());
  const auto copy = [&](const std::string& name, Tensor to) {
    if (const auto found = values.find(name); found != values.end()) to.copy_from(found->second);
  };
  for (const Parameter& p : model->parameters()) copy(p.name, p.tensor);
  for (const Buffer& b : model->buffers()) copy(b.name, b.tensor);

  std::map<std::string, Module*> places;
  for (const auto& [path, module] : trained.modules()) places[path] = module;
  for (const auto& [path, module] : model->modules())
    if (auto* const merging = dynamic_cast<MergesBranches*>(module)) {
      if (!places.contains(path)) fail("{} has no module {}", config.name, path);
      at_path(path, [&, m = merging, at = path] { m->merge(*places.at(at)); });
    }
  model->eval();
  return model;
}

}  // namespace ghost
