// The parts of the page that are charts: as SVG here, for the script to replace.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "train/page/html.h"
#include "train/page/svg.h"
#include "train/page/text.h"
#include "train/report/curves.h"
#include "train/report/page_sections.h"

namespace ghost {

namespace {

constexpr size_t kMostLines = 24, kStaticPoints = 160;  // of the SVGs

// The script puts a chart of this name in the place of the picture.
std::string chart(const std::string& name, const std::string& label, const std::string& picture) {
  return fmt::format(
      "<figure class=\"chart\" data-chart=\"{}\" data-label=\"{}\"><div class=\"static\">{}</div></figure>", name,
      html::escape(label), picture);
}

std::vector<std::pair<double, double>> over_epochs(const Curve& curve, double steps_per_epoch) {
  std::vector<std::pair<double, double>> points;
  for (size_t i = 0; i < curve.step.size(); ++i)
    points.emplace_back(static_cast<double>(curve.step[i]) / steps_per_epoch, curve.value[i]);
  return points;
}

struct CurveChart {
  const char *name, *title, *y_title;
  Curve RunCurves::*train;
  Curve RunCurves::*test;
};
const CurveChart kCurveCharts[] = {
    {"accuracy", "Accuracy, %", "%", &RunCurves::train_accuracy, &RunCurves::test_accuracy},
    {"loss", "Loss (cross-entropy)", "", &RunCurves::train_loss, &RunCurves::test_loss},
    {"lr", "Learning rate", "", &RunCurves::lr, nullptr},
};

std::string curve_picture(const Comparison& comparison, const CurveChart& chart) {
  std::vector<svg::Line> lines;
  for (size_t c = 0; c < comparison.configurations.size(); ++c)
    for (const size_t i : comparison.configurations[c].runs) {
      const RunRecord& run = comparison.runs[i];
      const RunCurves curves = curves_of(run, kStaticPoints);
      const auto points = over_epochs(curves.*chart.train, curves.steps_per_epoch);
      if (!points.empty())
        lines.push_back({.name = chart.test ? run.name + ", training" : run.name,
                         .colour = c,
                         .faint = chart.test != nullptr,
                         .points = points});
      if (!chart.test || (curves.*chart.test).step.empty()) continue;
      lines.push_back({.name = run.name + (run.held_out == "val" ? ", validation" : ", test"),
                       .colour = c,
                       .dots = true,
                       .points = over_epochs(curves.*chart.test, curves.steps_per_epoch)});
    }
  if (lines.size() > kMostLines) lines.resize(kMostLines);
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.faint && !b.faint; });
  return svg::lines({chart.title, "epochs", chart.y_title, chart.test == nullptr}, lines);
}

std::string legend(const Comparison& comparison) {
  std::string text;
  for (size_t c = 0; c < comparison.configurations.size(); ++c) {
    const Configuration& configuration = comparison.configurations[c];
    text += "<span class=\"legend-group\"><span class=\"legend-name\">" + swatch(comparison, c) + "</span>";
    // One run alone is always shown.
    for (const size_t i : comparison.runs.size() > 1 ? configuration.runs : std::vector<size_t>())
      text += fmt::format(
          "<button type=\"button\" class=\"run-toggle\" aria-pressed=\"true\" data-run=\"{}\">{}</button>",
          html::escape(comparison.runs[i].name),
          configuration.runs.size() > 1 ? fmt::format("seed {}", comparison.runs[i].config.run.seed) : "shown");
    text += "</span>";
  }
  return text;
}

struct Cost {
  const char *key, *title;
  double (*of)(const Configuration& c);  // NaN: not known
};
const Cost kCosts[] = {
    {"parameters", "parameters",
     [](const Configuration& c) { return c.cost ? static_cast<double>(c.cost->parameters) : NAN; }},
    {"macs", "MACs per image", [](const Configuration& c) { return c.cost ? static_cast<double>(c.cost->macs) : NAN; }},
    {"epoch_seconds", "training seconds per epoch",
     [](const Configuration& c) { return c.epoch_seconds ? c.epoch_seconds->mean : NAN; }},
    {"inference_microseconds", "measured inference, µs per image",
     [](const Configuration& c) { return c.timing ? 1e6 / c.timing->inference_images_per_second : NAN; }},
    {"training_microseconds", "measured training, µs per image",
     [](const Configuration& c) { return c.timing ? 1e6 / c.timing->training_images_per_second : NAN; }},
};

// The Pareto front: configurations for which no other has at least the accuracy at lower cost, by rising cost.
std::vector<size_t> pareto(const std::vector<svg::Point>& points) {
  std::vector<size_t> order(points.size()), front;
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return points[a].x != points[b].x ? points[a].x < points[b].x : points[a].y > points[b].y;
  });
  for (const size_t i : order)
    if (front.empty() || points[i].y > points[front.back()].y) front.push_back(i);
  return front;
}

std::string capitalised_word(const Comparison& comparison) {
  std::string word = held_out_word(comparison);
  word[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
  return word;
}

std::string cost_picture(const Comparison& comparison, const Cost& cost) {
  std::vector<svg::Point> points;
  for (size_t c = 0; c < comparison.configurations.size(); ++c) {
    const Configuration& configuration = comparison.configurations[c];
    const double x = cost.of(configuration);
    if (!configuration.accuracy || !std::isfinite(x)) continue;
    points.push_back(
        {configuration.name, c, x, configuration.accuracy->mean, configuration.accuracy->deviation, false});
  }
  const std::vector<size_t> front = pareto(points);
  for (const size_t i : front) points[i].filled = true;
  return svg::scatter(
      {fmt::format("{} accuracy, %, against {}", capitalised_word(comparison), cost.title), cost.title, "%"}, points,
      front);
}

std::string microseconds(double seconds) {
  const double value = 1e6 * seconds;
  return value < 1000 ? fmt::format("{:.1f}", value) : grouped(std::llround(value));
}

// Rows are kinds of layers, with two columns for each configuration.
std::string time_table(const Comparison& comparison, const std::vector<size_t>& timed,
                       const std::vector<std::string>& kinds) {
  std::string text = "<div class=\"scroll\"><table class=\"time\"><thead><tr><td>µs per image</td>", second;
  for (const size_t c : timed) {
    text += "<th scope=\"colgroup\" colspan=\"2\">" + swatch(comparison, c) + "</th>";
    second += "<th scope=\"col\">forward</th><th scope=\"col\">backward</th>";
  }
  text += "</tr><tr><td></td>" + second + "</tr></thead><tbody>";
  for (const std::string& kind : kinds) {
    text += "<tr><th scope=\"row\">" + html::escape(kind) + "</th>";
    for (const size_t c : timed) {
      const Timing& timing = *comparison.configurations[c].timing;
      const auto images = static_cast<double>(timing.batch);
      const auto found = std::find_if(timing.layers.begin(), timing.layers.end(),
                                      [&](const LayerTime& layer) { return layer.kind == kind; });
      text += found == timing.layers.end()
                  ? "<td>–</td><td>–</td>"
                  : fmt::format("<td>{}</td><td>{}</td>", microseconds(found->forward / images),
                                microseconds(found->backward / images));
    }
    text += "</tr>";
  }
  text += "<tr><th scope=\"row\">update of all parameters</th>";
  for (const size_t c : timed) {
    const Timing& timing = *comparison.configurations[c].timing;
    text += fmt::format("<td colspan=\"2\">{}</td>",
                        microseconds(timing.update_seconds / static_cast<double>(timing.batch)));
  }
  return text + "</tr></tbody></table></div>";
}

}  // namespace

std::string curves_section(const Comparison& comparison) {
  const bool any = std::any_of(comparison.runs.begin(), comparison.runs.end(),
                               [](const RunRecord& run) { return !run.steps.empty() || !run.epochs.empty(); });
  if (!any) return "";
  const std::string word = held_out_word(comparison);
  std::string body =
      "<form class=\"controls\" data-for=\"curves\"><fieldset><legend>over</legend>"
      "<label><input type=\"radio\" name=\"axis\" value=\"epoch\" checked>epochs</label>"
      "<label><input type=\"radio\" name=\"axis\" value=\"step\">steps</label>"
      "<label><input type=\"radio\" name=\"axis\" value=\"seconds\">time</label>"
      "<label><input type=\"radio\" name=\"axis\" value=\"macs\">MACs spent</label></fieldset>"
      "<fieldset><legend>of</legend><label><input type=\"checkbox\" name=\"test\" checked>" +
      word +
      "</label><label><input type=\"checkbox\" name=\"train\" checked>training</label></fieldset><label "
      "class=\"slider\">smoothing<input type=\"range\" name=\"smoothing\" min=\"0\" max=\"0.98\" step=\"0.02\" "
      "value=\"0\"><output>0</output></label><label><input type=\"checkbox\" name=\"log\">log scale of loss and "
      "rate</label></form><div class=\"legend\">" +
      legend(comparison) + "</div><div class=\"charts\">";
  for (const CurveChart& one : kCurveCharts) body += chart(one.name, one.title, curve_picture(comparison, one));
  body +=
      "</div><p class=\"hint\">Thick with dots: " + word +
      ". Thin: training, as it was augmented and while the weights moved. "
      "Several seeds: their mean, in a band from the lowest to the highest. MACs spent count a training step as three "
      "forward passes over its batch.</p>";
  return section("curves", "Curves", body);
}

std::string cost_section(const Comparison& comparison) {
  if (comparison.configurations.size() < 2) return "";
  std::string radios, pictures;
  for (const Cost& cost : kCosts) {
    const std::string picture = cost_picture(comparison, cost);
    if (picture.empty()) continue;
    radios += fmt::format("<label><input type=\"radio\" name=\"cost\" value=\"{}\"{}>{}</label>", cost.key,
                          radios.empty() ? " checked" : "", cost.title);
    pictures += "<div>" + picture + "</div>";
  }
  if (pictures.empty()) return "";
  return section("cost", "Accuracy against cost",
                 "<form class=\"controls\" data-for=\"cost\"><fieldset><legend>cost</legend>" + radios +
                     "</fieldset></form>" +
                     chart("cost", capitalised_word(comparison) + " accuracy against cost", pictures) +
                     "<p class=\"hint\">Filled, joined by the line: nothing else is at least as accurate for less (the "
                     "Pareto front). Bars: one standard deviation over seeds.</p>");
}

std::string time_section(const Comparison& comparison) {
  std::vector<svg::Bar> bars;
  std::vector<size_t> timed;
  std::map<std::string, double> totals;
  for (size_t c = 0; c < comparison.configurations.size(); ++c)
    if (const auto& timing = comparison.configurations[c].timing) {
      timed.push_back(c);
      for (const LayerTime& layer : timing->layers)
        totals[layer.kind] += layer.seconds() / static_cast<double>(timing->batch);
    }
  if (timed.empty()) return "";
  // In one order for all, the costliest first.
  std::vector<std::string> kinds;
  kinds.reserve(totals.size());
  for (const auto& [kind, total] : totals) kinds.push_back(kind);
  std::stable_sort(kinds.begin(), kinds.end(),
                   [&](const std::string& a, const std::string& b) { return totals[a] > totals[b]; });
  for (const size_t c : timed) {
    const Timing& timing = *comparison.configurations[c].timing;
    const double images = static_cast<double>(timing.batch) / 1e6;
    svg::Bar bar{comparison.configurations[c].name};
    for (const std::string& kind : kinds)
      for (const LayerTime& layer : timing.layers)
        if (layer.kind == kind) bar.parts.emplace_back(kind, layer.seconds() / images);
    bar.parts.emplace_back("update", timing.update_seconds / images);
    bars.push_back(std::move(bar));
  }
  const Timing& first = *comparison.configurations[timed.front()].timing;
  return section(
      "time", "Where the time goes",
      chart("time", "Time of a training step by kind of layer",
            svg::bars({"A training step, µs per image", "", ""}, bars)) +
          time_table(comparison, timed, kinds) +
          fmt::format("<p class=\"hint\">Medians of five training steps on random images in memory, batch {}, "
                      "{} {}, measured when this page was written. Batch norm and ReLU leave their work to "
                      "the next convolution, which does it while it reads; it counts there.</p>",
                      first.batch, first.threads, first.threads == 1 ? "thread" : "threads"));
}

}  // namespace ghost
