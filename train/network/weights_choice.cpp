#include "train/network/weights_choice.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/nearest.h"
#include "train/run/sections.h"

namespace ghost {
namespace {

// The weights that a user calls "raw" are the model's section.
std::string section_called(const std::string& weights) { return weights == "raw" ? kModelSection : weights; }

// `held`: names of the sets in the file; `followed`: that of train.best.
WeightsChoice choose(const std::string& wanted, const std::vector<std::string>& held, const std::string& followed,
                     const std::string& file) {
  const auto holds = [&](const std::string& name) { return std::find(held.begin(), held.end(), name) != held.end(); };
  WeightsChoice choice;
  choice.name = wanted != "auto" ? wanted : holds(followed) ? followed : "raw";
  if (!holds(choice.name))
    fail_usage("{}: there are no weights of '{}' in it{}; it holds {}", file, wanted, did_you_mean(wanted, held),
               fmt::format("{}", fmt::join(held, ", ")));
  if (held.size() > 1) {
    std::vector<std::string> others = held;
    std::erase(others, choice.name);
    choice.note = message_of("{}: its {} weights are taken; it also holds {}", file, choice.name,
                             fmt::format("{}", fmt::join(others, ", ")));
  }
  return choice;
}

}  // namespace

WeightsChoice choose_weights(const Checkpoint& checkpoint, const std::string& wanted, const std::string& file) {
  std::vector<std::string> held{"raw"};
  for (const TensorSection& section : tensor_sections()) {
    const auto found = checkpoint.tensors.find(section.name);
    if (section.is_weights && found != checkpoint.tensors.end() && !found->second.empty()) held.push_back(section.name);
  }
  WeightsChoice choice = choose(wanted, held, best_weights(checkpoint.config.train), file);
  choice.entries = &checkpoint.tensors.at(section_called(choice.name));
  return choice;
}

WeightsChoice choose_weights(WeightsFile& file, const std::string& wanted) {
  const std::vector<TensorSection> sections = tensor_sections();
  // Other programs, too, may call a module "ema".
  const auto format = file.metadata.find("format");
  const bool is_checkpoint = format != file.metadata.end() && format->second.starts_with("ghost-checkpoint");
  // A file of one set alone says which it was.
  const auto label = file.metadata.find("weights_of");
  std::vector<std::string> held{is_checkpoint || label == file.metadata.end() ? "raw" : label->second};
  std::string followed = held.front();
  if (is_checkpoint) {
    for (const TensorSection& section : sections)
      if (section.is_weights && std::any_of(file.entries.begin(), file.entries.end(),
                                            [&](const NamedTensor& e) { return e.name.starts_with(section.prefix); }))
        held.push_back(section.name);
    if (held.size() > 1)
      followed = best_weights(load_config_text(file.metadata.at("config"), file.name, {}).config.train);
  }
  WeightsChoice choice = choose(wanted, held, followed, file.name);
  if (held.size() == 1 || choice.name == "raw") return choice;
  std::erase_if(file.entries, [&](const NamedTensor& e) { return section_of(sections, e.name).name == kModelSection; });
  for (NamedTensor& e : file.entries)
    if (const TensorSection& section = section_of(sections, e.name); section.name == choice.name)
      e.name.erase(0, section.prefix.size());
  return choice;
}

}  // namespace ghost
