#include "train/cli/info_report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "train/cli/text.h"
#include "train/cli/text_table.h"

namespace ghost::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kScreenRows = 40;

double mega(int64_t n) { return static_cast<double>(n) / 1e6; }
std::string mebibytes(int64_t bytes) { return fmt::format("{:.1f}", static_cast<double>(bytes) / (1 << 20)); }
double ratio(int64_t a, int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }
std::string times(int64_t a, int64_t b) { return b == 0 ? "–" : fmt::format("{:.3f}x", ratio(a, b)); }

// (N, H, W, C) as "CxHxW", the order of --input; (N, C) as "C".
std::string size_text(const Shape& shape) {
  if (shape.rank() == 0) return "–";
  std::string text = std::to_string(shape[-1]);
  for (int d = 1; d + 1 < shape.rank(); d++) text += "x" + std::to_string(shape[d]);
  return text;
}
Json size_json(const Shape& shape) {
  Json json = Json::array();
  if (shape.rank() > 0) json.push_back(shape[-1]);
  for (int d = 1; d + 1 < shape.rank(); d++) json.push_back(shape[d]);
  return json;
}

int64_t rows_at(const NetworkCost& cost, int depth) {
  return std::count_if(cost.layers.begin(), cost.layers.end(),
                       [&](const LayerCost& layer) { return layer.depth <= depth; });
}

int deepest(const NetworkCost& cost) {
  int depth = 0;
  for (const LayerCost& layer : cost.layers) depth = std::max(depth, layer.depth);
  return depth;
}

// As deep as fits on a screen, but the model's own parts at least.
int shown_depth(const NetworkCost& cost, int wanted) {
  if (wanted > 0) return wanted;
  int depth = deepest(cost);
  while (depth > 1 && rows_at(cost, depth) > static_cast<int64_t>(kScreenRows)) depth--;
  return depth;
}

// The last part of the path, indented by its depth.
std::string tree_name(const LayerCost& layer) {
  if (layer.depth == 0) return "model";
  return std::string(static_cast<size_t>(2 * layer.depth), ' ') + layer.name.substr(layer.name.rfind('.') + 1);
}

std::string table(const ModelInfo& info, int depth, const Terminal& terminal) {
  TextTable grid({{"layer", Align::left},
                  {"kind", Align::left, true},
                  {"output CxHxW"},
                  {"parameters"},
                  {"MACs (M)"},
                  {"share"},
                  {"train MiB"},
                  {"infer MiB"}});
  const int64_t all = info.cost.model().macs;
  for (size_t i = 0; i < info.cost.layers.size(); i++) {
    const LayerCost& layer = info.cost.layers[i];
    if (layer.depth > depth) continue;
    std::string training = "–", inference = "–";
    if (info.memory) {
      training = mebibytes(info.memory->layers[i].training.at(info.batch));
      inference = mebibytes(info.memory->layers[i].inference.at(info.inferred_at_once));
    }
    grid.add({tree_name(layer), layer.kind, size_text(layer.output), grouped(layer.parameters.all),
              fmt::format("{:.3f}", mega(layer.macs)),
              all == 0 ? "–" : fmt::format("{:.1f} %", 100 * ratio(layer.macs, all)), training, inference});
  }
  return grid.text(terminal);
}

struct Dead {
  int64_t modules = 0, channels = 0, parameters = 0;
  std::string where;  // the first few
};
Dead dead_of(const NetworkCost& cost) {
  constexpr int64_t kNamed = 4;
  Dead dead;
  for (const LayerCost& layer : cost.layers) {
    if (layer.dead_channels == 0) continue;
    if (++dead.modules <= kNamed)
      dead.where += fmt::format("{}{}: {}", dead.modules > 1 ? ", " : "", layer.name.empty() ? layer.kind : layer.name,
                                layer.dead_channels);
    dead.channels += layer.dead_channels, dead.parameters += layer.dead_parameters;
  }
  if (dead.modules > kNamed) dead.where += ", …";
  return dead;
}

struct Part {
  const char *key, *title;
  int64_t bytes;
};
std::vector<Part> parts_of(const MemoryEstimate& e) {
  return {{"program", "program", e.program},
          {"parameters", "parameters", e.parameters},
          {"optimizer", "optimizer", e.optimizer},
          {"averages", "averaged weights", e.averages},
          {"steps_and_tests", "steps and tests", e.step},
          {"batches_ahead", "batches ahead", e.batches},
          {"data_set", "data set", e.images},
          {"checkpoint", "checkpoint", e.checkpoint}};
}

std::string memory_text(const ModelInfo& info) {
  if (!info.memory) return "";
  std::string parts;
  for (const Part& part : parts_of(info.estimate))
    if (part.bytes > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : " + ", part.title, mebibytes(part.bytes));
  return fmt::format(
      "memory      batch of {}: activations {} MiB in training, {} MiB in inference\n"
      "            about {} MiB at the peak of training: {}\n",
      info.batch, mebibytes(info.memory->model().training.at(info.batch)),
      mebibytes(info.memory->model().inference.at(info.inferred_at_once)), mebibytes(info.estimate.total()), parts);
}

// What two models are compared by.
struct Total {
  const char *key, *title;
  int64_t a, b;
};
std::vector<Total> totals(const ModelInfo& a, const ModelInfo& b) {
  const ParameterCount &p = a.cost.model().parameters, &q = b.cost.model().parameters;
  std::vector<Total> list{
      {"parameters", "parameters", p.all, q.all},
      {"trainable_parameters", "trainable parameters", p.trainable, q.trainable},
      {"convolution_parameters", "convolutions only", p.convolution(), q.convolution()},
      {"convolution_and_norm_parameters", "convolutions and batch norm", p.convolution() + p.norm,
       q.convolution() + q.norm},
      {"macs", "MACs", a.cost.model().macs, b.cost.model().macs},
  };
  if (a.memory && b.memory) {
    const auto& m = a.memory->model();
    const auto& n = b.memory->model();
    list.push_back({"activation_bytes", "activation bytes, training", m.training.at(a.batch), n.training.at(b.batch)});
    list.push_back({"activation_bytes_inference", "activation bytes, inference", m.inference.at(a.inferred_at_once),
                    n.inference.at(b.inferred_at_once)});
    list.push_back({"peak_memory_bytes", "peak memory of training", a.estimate.total(), b.estimate.total()});
  }
  return list;
}

constexpr const char* kCounting =
    "counted     MACs are multiply-accumulates of convolutions and linear layers, forward, for one image; parameters\n"
    "            include batch norm's scale and shift, not its running statistics; memory is listed where it is "
    "taken\n";

std::string heading(const NamedInfo& model) {
  const ModelInfo& info = model.info;
  const std::string input = size_text({1, info.image[0], info.image[1], info.image[2]});
  std::string text = info.config.num_classes == 0  // a layer
                         ? fmt::format("{}: input {}\n", model.name, input)
                         : fmt::format("{}: {} ({}), input {}, {} classes\n", model.name, info.config.name,
                                       info.cost.model().kind, input, grouped(info.config.num_classes));
  for (const std::string& note : model.notes) text += note + "\n";
  return text;
}

// The totals of a model; activation bytes are null where they were not measured.
Json totals_json(const NamedInfo& model) {
  const ModelInfo& info = model.info;
  const LayerCost& all = info.cost.model();
  const Dead dead = dead_of(info.cost);
  Json json{{"name", model.name},
            {"model", info.config.name},
            {"data", info.data},
            {"input", size_json({1, info.image[0], info.image[1], info.image[2]})},
            {"num_classes", info.config.num_classes},
            {"batch", info.batch},
            {"parameters", all.parameters.all},
            {"trainable_parameters", all.parameters.trainable},
            {"convolution_parameters", all.parameters.convolution()},
            {"norm_parameters", all.parameters.norm},
            {"linear_parameters", all.parameters.linear},
            {"macs", all.macs},
            {"dead_channels", dead.channels},
            {"dead_parameters", dead.parameters},
            {"activation_bytes", nullptr},
            {"activation_bytes_inference", nullptr},
            {"peak_memory_bytes", nullptr}};
  if (info.memory) {
    json["activation_bytes"] = info.memory->model().training.at(info.batch);
    json["activation_bytes_inference"] = info.memory->model().inference.at(info.inferred_at_once);
    json["peak_memory_bytes"] = info.estimate.total();
    for (const Part& part : parts_of(info.estimate)) json["peak_memory"][part.key] = part.bytes;
  }
  json["warnings"] = info.warnings;
  return json;
}

Json layer_json(const ModelInfo& info, size_t i) {
  const LayerCost& layer = info.cost.layers[i];
  Json json{{"name", layer.name},
            {"kind", layer.kind},
            {"depth", layer.depth},
            {"calls", layer.calls},
            {"input_shape", size_json(layer.input)},
            {"output_shape", size_json(layer.output)},
            {"parameters", layer.parameters.all},
            {"trainable_parameters", layer.parameters.trainable},
            {"norm_parameters", layer.parameters.norm},
            {"macs", layer.macs},
            {"dead_channels", layer.dead_channels},
            {"dead_parameters", layer.dead_parameters},
            {"activation_bytes", nullptr},
            {"activation_bytes_inference", nullptr}};
  if (info.memory) {
    json["activation_bytes"] = info.memory->layers[i].training.at(info.batch);
    json["activation_bytes_inference"] = info.memory->layers[i].inference.at(info.inferred_at_once);
  }
  return json;
}

// Layers of both models under the same name, to a depth at which their table fits on a screen.
struct Pair {
  const LayerCost *a, *b;
};
std::vector<Pair> common_layers(const ModelInfo& a, const ModelInfo& b, int wanted) {
  std::map<std::string, const LayerCost*> of_b;
  for (const LayerCost& layer : b.cost.layers) of_b[layer.name] = &layer;
  const auto up_to = [&](int depth) {
    std::vector<Pair> pairs;
    for (const LayerCost& layer : a.cost.layers)
      if (const auto other = of_b.find(layer.name); other != of_b.end() && layer.depth > 0 && layer.depth <= depth)
        if (layer.parameters.all + other->second->parameters.all > 0) pairs.push_back({&layer, other->second});
    return pairs;
  };
  if (wanted > 0) return up_to(wanted);
  int depth = deepest(a.cost);
  while (depth > 1 && up_to(depth).size() > kScreenRows / 2) depth--;
  return up_to(depth);
}

}  // namespace

std::string info_text(const NamedInfo& model, int depth, const Terminal& terminal) {
  const ModelInfo& info = model.info;
  const LayerCost& all = info.cost.model();
  std::string text = heading(model) + "\n" + table(info, shown_depth(info.cost, depth), terminal) + "\n";
  text += fmt::format(
      "total       {} parameters ({} trainable; {} in convolutions, {} in batch norm, {} in linear "
      "layers)\n            {:.3f} M MACs\n",
      grouped(all.parameters.all), grouped(all.parameters.trainable), grouped(all.parameters.convolution()),
      grouped(all.parameters.norm), grouped(all.parameters.linear), mega(all.macs));
  text += memory_text(info);
  if (const Dead dead = dead_of(info.cost); dead.channels > 0)
    text += fmt::format("dead        {} channels of {} ghost layers are made and cut off, with {} parameters ({})\n",
                        grouped(dead.channels), grouped(dead.modules), grouped(dead.parameters), dead.where);
  text += kCounting;
  for (const std::string& warning : info.warnings) text += terminal.styled("33", "warning: ") + warning + "\n";
  return text;
}

Json info_json(const NamedInfo& model) {
  Json json = totals_json(model);
  json["layers"] = Json::array();
  for (size_t i = 0; i < model.info.cost.layers.size(); i++) json["layers"].push_back(layer_json(model.info, i));
  return json;
}

std::string comparison_text(const NamedInfo& a, const NamedInfo& b, int depth, const Terminal& terminal) {
  std::string text = "A  " + heading(a) + "B  " + heading(b) + "\n";
  TextTable sums({{"", Align::left}, {"A"}, {"B"}, {"A / B"}});
  for (const Total& t : totals(a.info, b.info)) sums.add({t.title, grouped(t.a), grouped(t.b), times(t.a, t.b)});
  text += sums.text(terminal);
  if (const std::vector<Pair> pairs = common_layers(a.info, b.info, depth); !pairs.empty()) {
    TextTable layers({{"layer", Align::left}, {"parameters A"}, {"B"}, {"A / B"}, {"MACs (M) A"}, {"B"}, {"A / B"}});
    for (const auto& [one, other] : pairs)
      layers.add({tree_name(*one).substr(2), grouped(one->parameters.all), grouped(other->parameters.all),
                  times(one->parameters.all, other->parameters.all), fmt::format("{:.3f}", mega(one->macs)),
                  fmt::format("{:.3f}", mega(other->macs)), times(one->macs, other->macs)});
    text += "\n" + layers.text(terminal);
  }
  if (a.info.memory && b.info.memory)
    text += fmt::format("\nmemory      A: {} images at a time, B: {}\n", a.info.batch, b.info.batch);
  return text + kCounting;
}

Json comparison_json(const NamedInfo& a, const NamedInfo& b) {
  Json ratios;
  for (const Total& t : totals(a.info, b.info)) ratios[t.key] = t.b == 0 ? Json() : Json(ratio(t.a, t.b));
  Json layers = Json::array();
  for (const auto& [one, other] : common_layers(a.info, b.info, deepest(a.info.cost)))
    layers.push_back({{"name", one->name},
                      {"parameters", {one->parameters.all, other->parameters.all}},
                      {"macs", {one->macs, other->macs}}});
  return {{"a", totals_json(a)}, {"b", totals_json(b)}, {"ratios", ratios}, {"layers", layers}};
}

}  // namespace ghost::cli
