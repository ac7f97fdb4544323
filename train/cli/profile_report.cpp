#include "train/cli/profile_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/kernels/rows.h"
#include "core/parallel.h"
#include "train/cli/text.h"
#include "train/cli/text_table.h"

namespace ghost::cli {

namespace {

constexpr double kLeastModule = 0.02, kLeastKernel = 0.01;  // of a step; what takes less is left out, or summed up
constexpr double kSame = 0.99;                              // of a module: practically all of it
constexpr const char* kOther = "other";

// A module with all that happens inside it, or a kernel; seconds a step.
struct Row {
  std::string name, kind = {};
  int indent = 0;
  bool in_passes = true;  // false: outside of forward and backward
  double forward = 0, backward = 0, calls = 0, own = 0;
  double seconds() const { return forward + backward; }
};

bool longer(const Row& a, const Row& b) { return a.seconds() > b.seconds(); }

class Report {
 public:
  Report(const StepProfile& profile, Module& model)
      : profile_(profile), steps_(static_cast<double>(profile.steps)), modules_(model.modules()) {}

  double step_seconds() const { return profile_.times.seconds() / steps_; }
  double images_per_second() const { return static_cast<double>(profile_.images) / profile_.times.seconds(); }

  // Every module, in the order of the network, with all inside it.
  std::vector<Row> modules() const {
    std::vector<Row> rows;
    for (const auto& [path, module] : modules_) {
      Row row{.name = path, .kind = module->kind()};
      for (const auto& [below, time] : profile_.times.modules)
        if (path.empty() || below == path || below.starts_with(path + ".")) add(row, time);
      if (const auto own = profile_.times.modules.find(path); own != profile_.times.modules.end())
        row.own = own->second.seconds() / steps_;
      rows.push_back(std::move(row));
    }
    return rows;
  }

  // Kernels, the longest first. `all`: with what the network's modules spend outside of operators.
  std::vector<Row> kernels(bool all) const {
    std::vector<Row> rows;
    for (const auto& [name, time] : profile_.times.operators) {
      if (name == kOther && !all) continue;
      Row row{.name = name};
      add(row, time);
      rows.push_back(std::move(row));
    }
    std::stable_sort(rows.begin(), rows.end(), longer);
    return rows;
  }

  Row loss() const {
    Row row{.name = "loss"};
    add(row, profile_.times.loss);
    return row;
  }

  // What is neither in the network nor its loss, the longest first. `with_modules`: and what the network's modules
  // spend outside of operators.
  std::vector<Row> outside(bool with_modules) const {
    std::map<std::string, double> seconds = profile_.times.outside;
    const auto found = profile_.times.operators.find(kOther);
    if (with_modules && found != profile_.times.operators.end()) seconds[kOther] += found->second.seconds();
    std::vector<Row> rows;
    rows.reserve(seconds.size());
    for (const auto& [name, time] : seconds)
      rows.push_back({.name = name, .in_passes = false, .forward = time / steps_});
    std::stable_sort(rows.begin(), rows.end(), longer);
    return rows;
  }

  // The modules that take enough of the step, those of one parent by their time.
  std::vector<Row> tree() const {
    const std::vector<Row> all = modules();
    std::vector<Row> rows;
    grow("", 0, "", all, rows);
    return rows;
  }

 private:
  void add(Row& row, const TimeSpent& time) const {
    row.forward += time.forward / steps_;
    row.backward += time.backward / steps_;
    row.calls += static_cast<double>(time.calls) / steps_;
  }

  // The module at `path` and those inside it. One that does nothing but call another shares its line.
  void grow(const std::string& path, int indent, std::string name, const std::vector<Row>& all,
            std::vector<Row>& rows) const {
    const double least = kLeastModule * step_seconds();
    Row self;
    std::vector<Row> children;
    for (const Row& row : all) {
      if (row.name == path) self = row;
      const size_t dot = row.name.rfind('.');
      const std::string parent = dot == std::string::npos ? "" : row.name.substr(0, dot);
      if (!row.name.empty() && parent == path && row.seconds() >= least) children.push_back(row);
    }
    std::stable_sort(children.begin(), children.end(), longer);
    const auto last_name = [](const Row& row) { return row.name.substr(row.name.rfind('.') + 1); };
    if (!path.empty() && children.size() == 1 && children[0].seconds() > kSame * self.seconds())
      return grow(children[0].name, indent, name + "." + last_name(children[0]), all, rows);
    self.name = path.empty() ? std::exchange(self.kind, "") : std::move(name);
    self.indent = indent;
    rows.push_back(std::move(self));
    for (const Row& child : children) grow(child.name, indent + 1, last_name(child), all, rows);
  }

  const StepProfile& profile_;
  double steps_;
  std::vector<std::pair<std::string, Module*>> modules_;
};

std::string milliseconds(double seconds) { return fmt::format("{:.2f}", 1e3 * seconds); }

std::vector<std::string> cells(const Row& row, double step, const std::string& second) {
  return {std::string(static_cast<size_t>(2 * row.indent), ' ') + row.name,
          second,
          row.in_passes ? milliseconds(row.forward) : "",
          row.in_passes ? milliseconds(row.backward) : "",
          milliseconds(row.seconds()),
          fmt::format("{:.1f} %", 100 * row.seconds() / step)};
}

TextTable table_of(const char* title, Column second) {
  return TextTable({{.title = title, .align = Align::left},
                    std::move(second),
                    {.title = "forward"},
                    {.title = "backward"},
                    {.title = "ms"},
                    {.title = "share"}});
}

// Kernels below the least share become one row.
std::vector<Row> shortened(const std::vector<Row>& rows, double least) {
  std::vector<Row> kept;
  Row rest;
  int64_t count = 0;
  for (const Row& row : rows) {
    if (row.seconds() >= least) {
      kept.push_back(row);
      continue;
    }
    rest.forward += row.forward, rest.backward += row.backward, rest.calls += row.calls, ++count;
  }
  rest.name = fmt::format("{} more", count);
  if (count > 0) kept.push_back(std::move(rest));
  return kept;
}

std::string conditions(const StepProfile& profile, const Config& config) {
  return fmt::format("batch {}, {} {}, {} kernels{}{}; {} steps", config.train.batch_size, threads(),
                     threads() == 1 ? "thread" : "threads", isa_in_use(), config.train.fusion ? "" : ", fusion off",
                     config.train.numerics == "exact" ? ", exact numerics" : "", profile.steps);
}

}  // namespace

std::string profile_text(const StepProfile& profile, const Config& config, Module& model, const Terminal& terminal) {
  const Report report(profile, model);
  const double step = report.step_seconds();
  const Row whole{.name = "a step", .in_passes = false, .forward = step};

  TextTable by_module = table_of("module", {.title = "", .align = Align::left, .expendable = true});
  for (const Row& row : report.tree()) by_module.add(cells(row, step, row.kind));
  by_module.add(cells(report.loss(), step, ""));
  for (const Row& row : report.outside(false)) by_module.add(cells(row, step, ""));
  by_module.add(cells(whole, step, ""));

  TextTable by_kernel = table_of("kernel", {.title = "calls"});
  for (const Row& row : shortened(report.kernels(false), kLeastKernel * step))
    by_kernel.add(cells(row, step, fmt::format("{:.0f}", row.calls)));
  for (const Row& row : report.outside(true)) by_kernel.add(cells(row, step, ""));
  by_kernel.add(cells(whole, step, ""));

  return fmt::format(
      "{}: {} ms a step, {} images/s ({})\n\n{}\n{}\n"
      "Milliseconds of a step; a module's include those inside it, and modules below {:.0f} % are left out. Batch "
      "norm\n"
      "and ReLU only leave word for the next convolution, which applies them while it reads: their work counts "
      "there.\n",
      config.model.name, milliseconds(step),
      report.images_per_second() < 100 ? fmt::format("{:.1f}", report.images_per_second())
                                       : grouped(std::llround(report.images_per_second())),
      conditions(profile, config), by_module.text(terminal), by_kernel.text(terminal), 100 * kLeastModule);
}

std::string profile_json(const StepProfile& profile, const Config& config, Module& model) {
  using Json = nlohmann::ordered_json;
  const Report report(profile, model);
  Json modules = Json::array(), kernels = Json::array(), outside = Json::object();
  for (const Row& row : report.modules())
    modules.push_back({{"name", row.name},
                       {"kind", row.kind},
                       {"forward_seconds", row.forward},
                       {"backward_seconds", row.backward},
                       {"own_seconds", row.own}});
  for (const Row& row : report.kernels(true))
    kernels.push_back({{"name", row.name},
                       {"calls", row.calls},
                       {"forward_seconds", row.forward},
                       {"backward_seconds", row.backward}});
  for (const Row& row : report.outside(false)) outside[row.name] = row.seconds();
  const Row loss = report.loss();
  const Json json{{"model", config.model.name},
                  {"batch", config.train.batch_size},
                  {"threads", threads()},
                  {"isa", isa_in_use()},
                  {"fusion", config.train.fusion},
                  {"numerics", config.train.numerics},
                  {"steps", profile.steps},
                  {"step_seconds", report.step_seconds()},
                  {"images_per_second", report.images_per_second()},
                  {"modules", modules},
                  {"loss", {{"forward_seconds", loss.forward}, {"backward_seconds", loss.backward}}},
                  {"outside_seconds", outside},
                  {"kernels", kernels}};
  return json.dump() + "\n";
}

}  // namespace ghost::cli
