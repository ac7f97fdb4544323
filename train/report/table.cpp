#include "train/report/table.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "train/page/text.h"
#include "train/run/preprocessing_json.h"
#include "train/run/version.h"

namespace ghost {

namespace {

// "91.23 ± 0.20 %" of several runs, "91.23 %" of one.
Cell spread_cell(const Spread& spread, int digits, const std::string& unit) {
  std::string text = fmt::format("{:.{}f}", spread.mean, digits);
  if (spread.count > 1) text += fmt::format(" ± {:.{}f}", spread.deviation, digits);
  return {spread.mean, spread, unit.empty() ? text : text + " " + unit};
}

Cell seconds_cell(const Spread& spread) {
  if (spread.count < 2) return {spread.mean, spread, seconds_text(spread.mean)};
  if (spread.mean < 60) return spread_cell(spread, spread.mean < 10 ? 2 : 1, "s");
  return {spread.mean, spread, seconds_text(spread.mean) + " ± " + seconds_text(spread.deviation)};
}

std::optional<Cell> target_cell(const std::optional<TimeToTarget>& to_target) {
  if (!to_target || to_target->runs == 0) return std::nullopt;
  if (!to_target->seconds) return Cell{std::nan(""), std::nullopt, "not reached"};
  Cell cell = seconds_cell(*to_target->seconds);
  if (to_target->reached < to_target->runs)
    cell.text += fmt::format(" ({} of {} runs)", to_target->reached, to_target->runs);
  return cell;
}

template <class F>
auto from(std::optional<Spread> Configuration::*spread, F&& cell) {
  return [spread, cell](const Configuration& c) {
    return c.*spread ? std::optional<Cell>(cell(*(c.*spread))) : std::nullopt;
  };
}

std::vector<Measure> all_measures(const Comparison& comparison) {
  const auto in_percent = [](const Spread& s) { return spread_cell(s, 2, "%"); };
  const std::string target = comparison.target ? fmt::format("{:g} %", *comparison.target) : "";
  const std::string word = held_out_word(comparison);
  return {
      {"accuracy", word + " accuracy", "Of the last test; mean ± standard deviation over seeds.",
       from(&Configuration::accuracy, in_percent)},
      {"best_accuracy", fmt::format("best {} accuracy", word),
       fmt::format("The highest of all tests of a run, chosen on the {} images themselves.", word),
       from(&Configuration::best_accuracy, in_percent)},
      {"loss", word + " loss", "Mean cross-entropy of the last test.",
       from(&Configuration::loss, [](const Spread& s) { return spread_cell(s, 4, ""); })},
      {"parameters", "parameters", "Numbers that are learnt.",
       [](const Configuration& c) -> std::optional<Cell> {
         if (!c.cost) return std::nullopt;
         return Cell{static_cast<double>(c.cost->parameters), std::nullopt, grouped(c.cost->parameters)};
       }},
      {"macs", "MACs per image", "Multiply-accumulates of convolutions and linear layers, forward.",
       [](const Configuration& c) -> std::optional<Cell> {
         if (!c.cost) return std::nullopt;
         return Cell{static_cast<double>(c.cost->macs), std::nullopt, count_text(static_cast<double>(c.cost->macs))};
       }},
      {"peak_memory", "peak memory", "The most that tensors took in training.",
       [](const Configuration& c) -> std::optional<Cell> {
         if (!c.peak_memory) return std::nullopt;
         const auto bytes = static_cast<double>(*c.peak_memory);
         return Cell{bytes, std::nullopt, bytes_text(bytes)};
       }},
      {"epoch_seconds", "time per epoch", "Training without tests; median over a run's epochs, as they were trained.",
       from(&Configuration::epoch_seconds, seconds_cell)},
      {"training_images_per_second", "training images/s",
       "Whole steps on random images in memory, configurations in turns; median of the turns.",
       [](const Configuration& c) -> std::optional<Cell> {
         if (!c.timing) return std::nullopt;
         const double rate = c.timing->training_images_per_second;
         return Cell{rate, std::nullopt, rate_text(rate)};
       }},
      {"inference_images_per_second", "inference images/s", "Likewise, in evaluation mode.",
       [](const Configuration& c) -> std::optional<Cell> {
         if (!c.timing) return std::nullopt;
         const double rate = c.timing->inference_images_per_second;
         return Cell{rate, std::nullopt, rate_text(rate)};
       }},
      {"seconds_to_target", "time to " + target, "Wall clock from the start to the first test that reached it.",
       [](const Configuration& c) { return target_cell(c.to_target); }},
  };
}

std::string wrapped(const std::string& text, int columns) {
  std::istringstream words(text);
  std::string result, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && display_width(line) + 1 + display_width(word) > columns) {
      result += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return result + line + "\n";
}

using Grid = std::vector<std::vector<std::string>>;  // rows of equal length

Grid transposed(const Grid& grid) {
  Grid result(grid.front().size());
  for (const auto& row : grid)
    for (size_t i = 0; i < row.size(); ++i) result[i].push_back(row[i]);
  return result;
}

std::vector<int> widths_of(const Grid& grid) {
  std::vector<int> widths(grid.front().size(), 0);
  for (const auto& row : grid)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  return widths;
}

std::string drawn(const Grid& grid) {
  const std::vector<int> widths = widths_of(grid);
  std::string text;
  for (const auto& row : grid) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += (i ? "  " : "") + padded(row[i], widths[i], i == 0);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

nlohmann::ordered_json json_of(const Cell& cell) {
  if (!cell.spread) return std::isfinite(cell.value) ? nlohmann::ordered_json(cell.value) : nullptr;
  return {{"mean", cell.spread->mean},
          {"deviation", cell.spread->deviation},
          {"low", cell.spread->low},
          {"high", cell.spread->high},
          {"count", cell.spread->count}};
}

// Whole numbers without a point.
nlohmann::ordered_json number(double value) {
  constexpr double kExact = 9e15;
  if (value == std::floor(value) && std::abs(value) < kExact) return static_cast<int64_t>(value);
  return value;
}

nlohmann::ordered_json timing_json(const Timing& timing) {
  auto layers = nlohmann::ordered_json::array();
  for (const LayerTime& layer : timing.layers)
    layers.push_back({{"kind", layer.kind}, {"forward_seconds", layer.forward}, {"backward_seconds", layer.backward}});
  return {{"batch", timing.batch},
          {"threads", timing.threads},
          {"training_turns", timing.training},
          {"inference_turns", timing.inference},
          {"layers", layers},
          {"update_seconds", timing.update_seconds}};
}

// Share of the maps that another one makes by a d×d filter, and the largest ghost ratio that would still work.
nlohmann::ordered_json inside_json(const Inspection& inside) {
  auto layers = nlohmann::ordered_json::array();
  for (const InspectedLayer& one : inside.layers)
    for (const KernelResult& k : one.kernels)
      layers.push_back({{"layer", one.layer.name},
                        {"kernel", k.kernel},
                        {"share", k.ghost_ratio.share},
                        {"ratio", k.ghost_ratio.ratio}});
  return layers;
}

nlohmann::ordered_json predictions_json(const Predictions& p, const std::vector<RunRecord>& runs) {
  constexpr int64_t kMostInMatrix = 100, kMostListed = 1000;  // of more it would be megabytes
  const auto listed = [&](int64_t truth) {
    return std::ssize(p.classes) <= kMostListed || p.confusion.samples(truth) > 0;
  };
  auto classes = nlohmann::ordered_json::array(), matrix = classes;
  for (int64_t truth = 0; truth < std::ssize(p.classes); ++truth) {
    if (listed(truth))
      classes.push_back({{"class", p.classes[static_cast<size_t>(truth)]},
                         {"top1", p.confusion.accuracy_percent(truth)},
                         {"count", p.confusion.samples(truth)}});
    if (p.confusion.classes() > kMostInMatrix) continue;
    auto row = nlohmann::ordered_json::array();
    for (int64_t c = 0; c < p.confusion.classes(); ++c) row.push_back(p.confusion.at(truth, c));
    matrix.push_back(std::move(row));
  }
  nlohmann::ordered_json json{{"run", runs[p.run].name},
                              {"epoch", p.epoch},
                              {"step", p.step},
                              {"accuracy", p.accuracy_percent()},
                              {"preprocessing", json_of(p.preprocessing)},
                              {"per_class", classes}};
  if (p.inside) json["inside"] = inside_json(*p.inside);
  if (!matrix.empty()) json["confusion"] = std::move(matrix);  // rows: the label
  return json;
}

nlohmann::ordered_json run_json(const Comparison& all, const Configuration& c, const RunRecord& run) {
  const auto or_null = [](const auto& value) { return value ? nlohmann::ordered_json(*value) : nullptr; };
  const EpochPoint *last = run.last_test(), *best = run.best_test();
  std::optional<int64_t> peak;
  for (const EpochPoint& p : run.epochs)
    if (p.peak_memory) peak = std::max(peak.value_or(0), *p.peak_memory);
  double train_seconds = 0;
  for (const EpochPoint& p : run.epochs) train_seconds += p.train_seconds;
  nlohmann::ordered_json json{
      {"name", run.name},
      {"configuration", c.name},
      {"directory", run.dir.string()},
      {"model", run.config.model.name},
      {"data", run.config.data.name},
      {"split", run.held_out},
      {"weights_of", run.weights},
      {"seed", run.config.run.seed},
      {"state", name_of(run.state)},
      {"state_text", run.state_text},
      {"epoch", run.epochs.empty() ? 0 : run.epochs.back().epoch},
      {"epochs", run.config.train.hours > 0 ? nullptr : nlohmann::ordered_json(run.config.train.epochs)},
      {"step",
       std::max(run.steps.empty() ? 0 : run.steps.back().step, run.epochs.empty() ? 0 : run.epochs.back().step)},
      {"accuracy", last ? nlohmann::ordered_json(*last->test_top1) : nullptr},
      {"best_accuracy", best ? nlohmann::ordered_json(*best->test_top1) : nullptr},
      {"best_epoch", best ? nlohmann::ordered_json(best->epoch) : nullptr},
      {"loss", last ? or_null(last->test_loss) : nullptr},
      {"parameters", c.cost ? nlohmann::ordered_json(c.cost->parameters) : nullptr},
      {"macs", c.cost ? nlohmann::ordered_json(c.cost->macs) : nullptr},
      {"peak_memory", or_null(peak)},
      {"training_seconds", train_seconds},
      {"seconds", run.epochs.empty() ? 0 : run.epochs.back().seconds}};
  if (all.target) json["seconds_to_target"] = or_null(seconds_to(run, *all.target));
  return json;
}

const char* name_of(Difference::Basis basis) {
  switch (basis) {
    case Difference::Basis::paired_seeds:
      return "paired seeds";
    case Difference::Basis::welch:
      return "different seeds";
    case Difference::Basis::paired_samples:
      return "same test images";
    case Difference::Basis::samples:
      return "test images";
  }
  return "";
}

nlohmann::ordered_json verdict_json(const Comparison& all, const Verdict& v) {
  nlohmann::ordered_json json{
      {"configuration", all.configurations[v.b].name}, {"baseline", all.configurations[v.a].name}, {"text", v.text}};
  if (v.accuracy)
    json["accuracy_difference"] = {{"mean", v.accuracy->mean},
                                   {"half_width", v.accuracy->half_width},
                                   {"basis", name_of(v.accuracy->basis)},
                                   {"count", v.accuracy->count},
                                   {"test_images", v.accuracy->images},
                                   {"distinguishable", v.accuracy->distinguishable()}};
  if (v.speed)
    json["speed"] = {
        {"ratio", *v.speed}, {"measured_in_turns", v.speed_measured}, {"distinguishable", v.speed_distinguishable}};
  return json;
}

std::string csv_field(const nlohmann::ordered_json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? ghost::csv_field(value.get_ref<const std::string&>()) : value.dump();
}

}  // namespace

std::string bytes_text(double bytes) {
  constexpr double kMiB = 1 << 20;
  return fmt::format("{:.{}f} MiB", bytes / kMiB, bytes < 10 * kMiB ? 1 : 0);
}

std::string seconds_text(double seconds) {
  if (seconds >= 60) return duration(seconds);
  return fmt::format("{:.{}f} s", seconds, seconds < 1 ? 3 : seconds < 10 ? 2 : 1);
}

std::string count_text(double count) {
  constexpr std::pair<double, const char*> units[] = {{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  for (const auto& [unit, name] : units)
    if (count >= unit) return fmt::format("{:.{}f} {}", count / unit, count < 10 * unit ? 2 : 1, name);
  return fmt::format("{:.0f}", count);
}

std::string rate_text(double per_second) {
  return per_second < 100 ? fmt::format("{:.1f}", per_second) : grouped(std::llround(per_second));
}

std::vector<Measure> measures(const Comparison& comparison) {
  std::vector<Measure> all = all_measures(comparison);
  std::erase_if(all, [&](const Measure& measure) {
    return std::none_of(comparison.configurations.begin(), comparison.configurations.end(),
                        [&](const Configuration& c) { return measure.of(c).has_value(); });
  });
  return all;
}

std::string comparison_text(const Comparison& comparison, int columns) {
  const std::vector<Measure> shown = measures(comparison);
  Grid grid{{""}};
  for (const Configuration& c : comparison.configurations) grid.front().push_back(printable(c.name));
  for (const Measure& measure : shown) {
    std::vector<std::string> row{measure.title};
    for (const Configuration& c : comparison.configurations) {
      const std::optional<Cell> cell = measure.of(c);
      row.push_back(cell ? cell->text : "–");
    }
    grid.push_back(std::move(row));
  }
  std::vector<std::string> runs{"runs"};
  for (const Configuration& c : comparison.configurations)
    runs.push_back(c.finished ? std::to_string(c.counted.size()) : fmt::format("{}, not finished", c.runs.size()));
  grid.push_back(std::move(runs));
  int width = 0;
  for (const int w : widths_of(grid)) width += w + 2;
  constexpr size_t kBeside = 4;  // more are easier to compare below each other, whatever the screen
  const bool beside =
      comparison.configurations.size() <= kBeside && (width <= columns + 2 || comparison.configurations.size() <= 2);
  std::string text = drawn(beside ? grid : transposed(grid));
  for (const Verdict& verdict : comparison.verdicts)
    text += "\n" + wrapped(printable(verdict.text), std::clamp(columns, 40, 100));
  return text;
}

nlohmann::ordered_json comparison_json(const Comparison& comparison) {
  Json json{{"ghost_version", version()},      {"target", comparison.target ? Json(*comparison.target) : Json(nullptr)},
            {"configurations", Json::array()}, {"runs", Json::array()},
            {"verdicts", Json::array()},       {"differences", Json::array()},
            {"disagreements", Json::array()},  {"notes", comparison.notes}};
  const std::vector<Measure> shown = measures(comparison);
  for (const Configuration& c : comparison.configurations) {
    Json one{{"name", c.name}, {"model", c.config.model.name}, {"data", c.config.data.name}, {"finished", c.finished}};
    one["runs"] = Json::array();
    for (const size_t i : c.runs) one["runs"].push_back(comparison.runs[i].name);
    for (const Measure& measure : shown) {
      const std::optional<Cell> cell = measure.of(c);
      Json value = cell ? json_of(*cell) : Json(nullptr);
      one[measure.key] = value.is_number() ? number(value.get<double>()) : std::move(value);
    }
    if (c.to_target) one["target_reached"] = {{"runs", c.to_target->reached}, {"of", c.to_target->runs}};
    if (c.timing) one["timing"] = timing_json(*c.timing);
    if (c.predictions) one["predictions"] = predictions_json(*c.predictions, comparison.runs);
    json["configurations"].push_back(std::move(one));
  }
  for (const Configuration& c : comparison.configurations)
    for (const size_t i : c.runs) json["runs"].push_back(run_json(comparison, c, comparison.runs[i]));
  for (const Verdict& v : comparison.verdicts) json["verdicts"].push_back(verdict_json(comparison, v));
  for (const OptionRow& row : comparison.differences)
    json["differences"].push_back({{"option", row.option}, {"values", row.values}});
  for (const Disagreement& d : comparison.disagreements)
    json["disagreements"].push_back({{"a", comparison.configurations[d.a].name},
                                     {"b", comparison.configurations[d.b].name},
                                     {"differ", d.differ},
                                     {"both_right", d.both_right},
                                     {"only_a_right", d.only_a},
                                     {"only_b_right", d.only_b},
                                     {"both_wrong", d.both_wrong}});
  return json;
}

std::string comparison_csv(const Comparison& comparison) {
  std::string text, names;
  const auto line = [](std::string& to, const std::string& field, bool first) { to += (first ? "" : ",") + field; };
  const nlohmann::ordered_json json = comparison_json(comparison);
  for (const auto& run : json.at("runs")) {
    names.clear();
    bool first = true;
    for (const auto& [key, value] : run.items()) {
      line(names, key, first);
      line(text, csv_field(value), first);
      first = false;
    }
    text += "\r\n";
  }
  return names + "\r\n" + text;
}

}  // namespace ghost
