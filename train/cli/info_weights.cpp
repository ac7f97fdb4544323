#include "train/cli/info_weights.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/quoted.h"
#include "train/cli/text.h"
#include "train/cli/text_table.h"
#include "train/run/sections.h"

namespace ghost::cli {

namespace {

using Json = nlohmann::ordered_json;

// Running statistics are the buffers that models have.
bool is_buffer(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  return last == "running_mean" || last == "running_var" || last == "num_batches_tracked";
}

// A file's entries by who reads them.
struct Contents {
  std::vector<const NamedTensor*> network;
  int64_t parameters = 0, buffers = 0;                    // numbers of the network
  std::vector<std::pair<TensorSection, int64_t>> others;  // sections that a resumed run alone reads; their numbers
};
Contents contents_of(const WeightsFile& weights) {
  const std::vector<TensorSection> sections = tensor_sections();
  std::map<std::string, int64_t> numbers;
  Contents contents;
  for (const NamedTensor& t : weights.entries) {
    const TensorSection& section = section_of(sections, t.name);
    numbers[section.name] += t.tensor.numel();
    if (section.read_by != ReadBy::everyone) continue;
    contents.network.push_back(&t);
    (is_buffer(t.name) ? contents.buffers : contents.parameters) += t.tensor.numel();
  }
  for (const TensorSection& section : sections)
    if (section.read_by != ReadBy::everyone) contents.others.emplace_back(section, numbers[section.name]);
  return contents;
}

}  // namespace

std::string weights_text(const WeightsFile& weights, const Terminal& terminal) {
  TextTable grid({{"entry", Align::left}, {"shape", Align::left}, {"dtype", Align::left}, {"numbers"}});
  const Contents contents = contents_of(weights);
  for (const NamedTensor* t : contents.network)
    grid.add({t->name, t->tensor.shape().str(), name_of(t->tensor.dtype()), grouped(t->tensor.numel())});
  std::string text = fmt::format("{}: {} entries, shapes as in PyTorch\n\n{}\n", weights.name,
                                 grouped(std::ssize(contents.network)), grid.text(terminal));
  text += fmt::format("total       {} parameters, {} numbers in running statistics\n", grouped(contents.parameters),
                      grouped(contents.buffers));
  for (const auto& [section, numbers] : contents.others)
    if (numbers > 0) text += fmt::format("            {} numbers of {}\n", grouped(numbers), section.what);
  for (const auto& [key, value] : weights.metadata) {
    const std::string in_quotes = quoted(value);
    text += fmt::format("metadata    {}: {}\n", printable(key), in_quotes.substr(1, in_quotes.size() - 2));
  }
  for (const UnreadTensor& t : weights.unread)
    text += fmt::format("not read    {}: {} {}\n", printable(t.name), printable(t.dtype), t.shape.str());
  return text + "To see what they cost in a model: --config FILE, or --arch NAME\n";
}

Json weights_json(const WeightsFile& weights) {
  const Contents contents = contents_of(weights);
  Json json{{"file", weights.name}, {"parameters", contents.parameters}, {"buffers", contents.buffers}};
  for (const auto& [section, numbers] : contents.others) json[section.name] = numbers;
  json["metadata"] = weights.metadata;
  json["entries"] = Json::array();
  for (const NamedTensor* t : contents.network)
    json["entries"].push_back({{"name", t->name},
                               {"shape", std::vector<int64_t>(t->tensor.shape().begin(), t->tensor.shape().end())},
                               {"dtype", name_of(t->tensor.dtype())},
                               {"numbers", t->tensor.numel()}});
  json["not_read"] = Json::array();
  for (const UnreadTensor& t : weights.unread) json["not_read"].push_back({{"name", t.name}, {"dtype", t.dtype}});
  return json;
}

}  // namespace ghost::cli
