#include "train/cli/info_weights.h"

#include <nlohmann/json.hpp>

#include "train/cli/text.h"
#include "train/cli/text_table.h"

namespace ghost::cli {

namespace {

using Json = nlohmann::ordered_json;

// Running statistics are the buffers that models have.
bool is_buffer(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  return last == "running_mean" || last == "running_var" || last == "num_batches_tracked";
}

bool is_optimizer_state(const NamedTensor& t) { return t.name.starts_with("optimizer."); }

struct Sums {
  int64_t entries = 0;
  int64_t parameters = 0, buffers = 0, optimizer = 0;  // numbers
};
Sums sums_of(const WeightsFile& weights) {
  Sums sums;
  for (const NamedTensor& t : weights.entries) {
    (is_optimizer_state(t) ? sums.optimizer : is_buffer(t.name) ? sums.buffers : sums.parameters) += t.tensor.numel();
    if (!is_optimizer_state(t)) sums.entries++;
  }
  return sums;
}

}  // namespace

std::string weights_text(const WeightsFile& weights, const Terminal& terminal) {
  TextTable grid({{"entry", Align::left}, {"shape", Align::left}, {"dtype", Align::left}, {"numbers"}});
  for (const NamedTensor& t : weights.entries) {
    if (is_optimizer_state(t)) continue;
    grid.add({t.name, t.tensor.shape().str(), name_of(t.tensor.dtype()), grouped(t.tensor.numel())});
  }
  const Sums sums = sums_of(weights);
  std::string text = fmt::format("{}: {} entries, shapes as in PyTorch\n\n{}\n", weights.name, grouped(sums.entries),
                                 grid.text(terminal));
  text += fmt::format("total       {} parameters, {} numbers in running statistics\n", grouped(sums.parameters),
                      grouped(sums.buffers));
  if (sums.optimizer > 0)
    text += fmt::format("            {} numbers of an optimizer's state\n", grouped(sums.optimizer));
  for (const auto& [key, value] : weights.metadata)
    text += fmt::format("metadata    {}: {}\n", key, value.size() > 60 ? value.substr(0, 60) + " …" : value);
  return text + "To see what they cost in a model: --config FILE\n";
}

Json weights_json(const WeightsFile& weights) {
  const Sums sums = sums_of(weights);
  Json json{{"file", weights.name},        {"parameters", sums.parameters}, {"buffers", sums.buffers},
            {"optimizer", sums.optimizer}, {"metadata", weights.metadata},  {"entries", Json::array()}};
  for (const NamedTensor& t : weights.entries) {
    if (is_optimizer_state(t)) continue;
    json["entries"].push_back({{"name", t.name},
                               {"shape", std::vector<int64_t>(t.tensor.shape().begin(), t.tensor.shape().end())},
                               {"dtype", name_of(t.tensor.dtype())},
                               {"numbers", t.tensor.numel()}});
  }
  return json;
}

}  // namespace ghost::cli
