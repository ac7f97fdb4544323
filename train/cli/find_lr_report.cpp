#include "train/cli/find_lr_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "train/cli/text.h"
#include "train/cli/text_table.h"
#include "train/page/assets.h"
#include "train/page/html.h"
#include "train/page/svg.h"
#include "train/run/version.h"

namespace ghost::cli {

namespace {

std::string rate(double lr) { return fmt::format("{:.2g}", lr); }

std::string conditions(const FoundLr& found) {
  return fmt::format("{} on {}, {}, batch {}, seed {}", found.config.model.name, found.config.data.name,
                     found.config.optimizer.name, found.config.train.batch_size, found.config.run.seed);
}

// How far the sweep came: "100 steps from 1e-07 to 10".
std::string extent(const FoundLr& found) {
  const auto steps = std::ssize(found.curve.points);
  const std::string wanted = fmt::format("{} from {} to {}", count_of(found.sweep.steps, "step"),
                                         rate(found.sweep.from), rate(found.sweep.to));
  switch (found.curve.end) {
    case SweepEnd::diverged:
      return fmt::format("{}, ended after {}, at {}: the loss was above {:g} times its least", wanted, steps,
                         rate(found.curve.points.back().lr), LrCurve::kDivergence);
    case SweepEnd::not_finite:
      return fmt::format("{}, ended after {}, at {}: a number became NaN or infinite", wanted, steps,
                         rate(rate_of(found.sweep, steps)));
    case SweepEnd::stopped:
      return fmt::format("{}, stopped after {}", wanted, steps);
    case SweepEnd::whole:
      break;
  }
  return wanted;
}

std::string verdict(const FoundLr& found) {
  if (!found.suggestion)
    return std::ssize(found.curve.points) < found.sweep.steps / 2 && found.curve.end != SweepEnd::whole
               ? "No rate can be suggested: the loss broke away too early. A lower --lr-from may help."
               : "No rate can be suggested: the loss falls at none of these rates. Other rates, or more steps, may "
                 "help.";
  std::string text = fmt::format(
      "Suggested: optimizer.lr={} (valley: half-way down the longest fall of the loss). The loss falls most steeply at "
      "{}.",
      rate(found.suggestion->valley), rate(found.suggestion->steepest));
  if (found.suggestion->falls_on) text += " It still falls at the highest rate: a higher --lr-to shows more.";
  return text;
}

struct LossRange {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  explicit LossRange(const LrCurve& curve) {
    for (const LrPoint& p : curve.points) low = std::min(low, p.smoothed), high = std::max(high, p.smoothed);
  }
};

std::string bar(double share, bool unicode) {
  constexpr int kWidth = 30;
  std::string text;
  for (auto n = 1 + std::lround(share * (kWidth - 1)); n > 0; --n) text += unicode ? "█" : "#";
  return text;
}

std::string curve_svg(const FoundLr& found) {
  svg::Line losses{.name = "loss of each step", .colour = 7, .faint = true};
  svg::Line smoothed{.name = "smoothed loss", .colour = 0};
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const LrPoint& p : found.curve.points) {
    losses.points.emplace_back(p.lr, p.loss);
    smoothed.points.emplace_back(p.lr, p.smoothed);
    low = std::min(low, p.loss), high = std::max(high, p.loss);
  }
  std::vector<svg::Line> lines{losses, smoothed};
  if (found.suggestion) {
    lines.push_back({.name = "suggested: " + rate(found.suggestion->valley),
                     .colour = 1,
                     .points = {{found.suggestion->valley, low}, {found.suggestion->valley, high}}});
  }
  return svg::lines({.title = "Training loss", .x_title = "learning rate", .y_title = "loss", .log_x = true}, lines);
}

std::string table_of_points(const FoundLr& found) {
  std::string text =
      "<details><summary>All steps</summary><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Step</th>"
      "<th scope=\"col\">Rate</th><th scope=\"col\">Loss</th><th scope=\"col\">Smoothed</th></tr></thead>\n<tbody>\n";
  for (size_t i = 0; i < found.curve.points.size(); ++i) {
    const LrPoint& p = found.curve.points[i];
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{:.3g}</td><td>{:.4f}</td><td>{:.4f}</td></tr>\n", i + 1,
                        p.lr, p.loss, p.smoothed);
  }
  return text + "</tbody></table></div></details>\n";
}

}  // namespace

std::string find_lr_text(const FoundLr& found, const Terminal& terminal) {
  constexpr size_t kMostRows = 20;
  const std::vector<LrPoint>& points = found.curve.points;
  const LossRange range(found.curve);
  TextTable table({{.title = "rate"},
                   {.title = "loss"},
                   {.title = "smoothed"},
                   {.title = "", .align = Align::left, .expendable = true}});
  const size_t every = std::max<size_t>(1, (points.size() + kMostRows - 1) / kMostRows);
  for (size_t i = 0; i < points.size(); i += every) {
    const LrPoint& p = points[i];
    const double share = range.high > range.low ? (p.smoothed - range.low) / (range.high - range.low) : 0;
    table.add({fmt::format("{:.1e}", p.lr), fmt::format("{:.4f}", p.loss), fmt::format("{:.4f}", p.smoothed),
               bar(share, terminal.unicode())});
  }
  return fmt::format("{}: {}\n{}\n\n{}\n{}\n", found.name, conditions(found), extent(found), table.text(terminal),
                     verdict(found));
}

std::string find_lr_json(const FoundLr& found) {
  using Json = nlohmann::ordered_json;
  constexpr const char* kEnds[] = {"whole", "diverged", "not_finite", "stopped"};
  Json points = Json::array();
  for (const LrPoint& p : found.curve.points)
    points.push_back({{"lr", p.lr}, {"loss", p.loss}, {"smoothed", p.smoothed}});
  Json json{{"model", found.config.model.name},
            {"optimizer", found.config.optimizer.name},
            {"batch", found.config.train.batch_size},
            {"seed", found.config.run.seed},
            {"lr_from", found.sweep.from},
            {"lr_to", found.sweep.to},
            {"steps", found.sweep.steps},
            {"end", kEnds[static_cast<size_t>(found.curve.end)]},
            {"suggested_lr", nullptr},
            {"rule", "valley"},
            {"steepest_lr", nullptr},
            {"points", points}};
  if (found.suggestion) {
    json["suggested_lr"] = found.suggestion->valley;
    json["steepest_lr"] = found.suggestion->steepest;
  }
  return json.dump() + "\n";
}

std::string find_lr_page(const FoundLr& found) {
  const std::string title = html::escape("Learning rates of " + found.name);
  const std::string about = html::escape(fmt::format("{} · Ghost {}", conditions(found), version()));
  const std::string body =
      fmt::format("<div class=\"verdict\"><p>{}</p>\n<p class=\"hint\">{}.</p></div>\n", html::escape(verdict(found)),
                  html::escape(extent(found))) +
      "<h2>Loss over the rate</h2>\n<figure class=\"chart\"><div class=\"static\">" + curve_svg(found) +
      "</div></figure>\n" +
      "<p class=\"hint\">The rate grows by one factor from step to step, schedule and warm-up left aside (Smith, arXiv "
      "1506.01186). Thin: the loss of each step; thick: its moving mean.</p>\n" +
      table_of_points(found);
  return html::fill(assets::plain_html,
                    {{"title", title}, {"about", about}, {"style", assets::page_css}, {"body", body}});
}

}  // namespace ghost::cli
