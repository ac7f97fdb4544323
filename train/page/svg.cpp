#include "train/page/svg.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

#include "train/page/html.h"

namespace ghost::svg {

namespace {

constexpr double kWidth = 640, kHeight = 300;
constexpr double kLeft = 56, kRight = 16, kTop = 28, kBottom = 44;
constexpr double kBar = 22, kBarGap = 30;
constexpr double kNear = 220, kLine = 16;  // of names: closer ones overlap
constexpr size_t kColours = 8, kKindColours = 10;

std::string colour(size_t i) { return fmt::format("var(--c{})", i % kColours); }
// The last kind is what is no kind of layer.
std::string kind_colour(size_t i, size_t kinds) {
  return fmt::format("var(--k{})", i + 1 == kinds ? kKindColours - 1 : i % (kKindColours - 1));
}

// 1200000 → "1.2M", so that labels stay short.
std::string label(double v) {
  constexpr std::pair<double, const char*> units[] = {{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}};
  for (const auto& [unit, name] : units)
    if (std::abs(v) >= unit) return fmt::format("{:.4g}{}", v / (unit == 1e4 ? 1e3 : unit), name);
  return fmt::format("{:.4g}", v);
}

struct Range {
  double low = INFINITY, high = -INFINITY;
  void take(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  void widen(double share) {
    const double room = high > low ? (high - low) * share : std::max(std::abs(high) * share, 1e-9);
    low -= room;
    high += room;
  }
};

struct Axes {
  Range x, y;
  double to_x(double v) const { return kLeft + (kWidth - kLeft - kRight) * (v - x.low) / (x.high - x.low); }
  double to_y(double v) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (v - y.low) / (y.high - y.low);
  }
};

std::string open(const Frame& frame, double height) {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\"><text class=\"t\" x=\"{:.0f}\" "
      "y=\"14\">{}</text>",
      kWidth, height, html::escape(frame.title), kLeft, html::escape(frame.title));
}

// Of a logarithmic axis whole powers of ten, if there are several.
std::vector<double> x_ticks(const Frame& frame, const Range& x) {
  std::vector<double> all = ticks(x.low, x.high, 7), whole;
  if (!frame.log_x) return all;
  for (const double v : all)
    if (std::abs(v - std::round(v)) < 1e-6) whole.push_back(v);
  return whole.size() > 1 ? whole : all;
}

std::string grid(const Frame& frame, const Axes& axes) {
  std::string text;
  for (const double v : ticks(axes.y.low, axes.y.high, 5))
    text += fmt::format(
        "<path class=\"g\" d=\"M{:.1f} {:.1f}H{:.1f}\"/><text class=\"l\" x=\"{:.1f}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>",
        kLeft, axes.to_y(v), kWidth - kRight, kLeft - 6, axes.to_y(v) + 4, label(v));
  for (const double v : x_ticks(frame, axes.x))
    text += fmt::format("<text class=\"l\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", axes.to_x(v),
                        kHeight - kBottom + 16, frame.log_x ? fmt::format("{:.2g}", std::pow(10, v)) : label(v));
  return text + fmt::format("<text class=\"l\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>",
                            (kLeft + kWidth - kRight) / 2, kHeight - 8, html::escape(frame.x_title));
}

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  if (!(high > low) || count < 1) return {};
  const double raw = (high - low) / count, unit = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * unit;
  for (const double multiple : {5.0, 2.5, 2.0, 1.0})
    if (multiple * unit >= raw * (1 - 1e-9)) step = multiple * unit;
  std::vector<double> values;
  const auto last = static_cast<int64_t>(std::floor(high / step + 1e-9));
  for (auto i = static_cast<int64_t>(std::ceil(low / step - 1e-9)); i <= last; ++i)
    values.push_back(static_cast<double>(i) * step);
  return values;
}

std::string lines(const Frame& frame, const std::vector<Line>& all) {
  Axes axes;
  const auto place = [&](double x) { return frame.log_x ? std::log10(x) : x; };
  if (!frame.log_x) axes.x.take(0);
  for (const Line& line : all)
    for (const auto& [x, y] : line.points) {
      axes.x.take(place(x));
      axes.y.take(y);
    }
  if (axes.y.high < axes.y.low) return "";
  if (axes.x.high <= axes.x.low) axes.x.high = axes.x.low + 1;
  if (frame.from_zero) axes.y.take(0);
  axes.y.widen(0.05);
  std::string text = open(frame, kHeight) + grid(frame, axes);
  for (const Line& line : all) {
    std::string path;
    for (const auto& [x, y] : line.points)
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", axes.to_x(place(x)), axes.to_y(y));
    text += fmt::format("<path class=\"{}\" style=\"stroke:{}\" d=\"{}\"><title>{}</title></path>",
                        line.faint ? "c f" : "c", colour(line.colour), path, html::escape(line.name));
    constexpr size_t kMostDots = 60;
    if (line.dots && line.points.size() <= kMostDots)
      for (const auto& [x, y] : line.points)
        text += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" style=\"fill:{}\"/>", axes.to_x(place(x)),
                            axes.to_y(y), colour(line.colour));
  }
  return text + "</svg>";
}

std::string scatter(const Frame& frame, const std::vector<Point>& points, const std::vector<size_t>& front) {
  Axes axes;
  axes.x.take(0);
  for (const Point& p : points) {
    axes.x.take(p.x);
    axes.y.take(p.y - p.spread);
    axes.y.take(p.y + p.spread);
  }
  if (points.empty()) return "";
  axes.x.high = axes.x.high > 0 ? axes.x.high * 1.15 : 1;
  axes.y.widen(0.15);
  std::string text = open(frame, kHeight) + grid(frame, axes), path;
  for (const size_t i : front)
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", axes.to_x(points[i].x), axes.to_y(points[i].y));
  if (front.size() > 1) text += fmt::format("<path class=\"p\" d=\"{}\"/>", path);
  for (const Point& p : points) {
    const double x = axes.to_x(p.x), y = axes.to_y(p.y);
    if (p.spread > 0)
      text += fmt::format("<path class=\"c\" style=\"stroke:{}\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", colour(p.colour), x,
                          axes.to_y(p.y - p.spread), axes.to_y(p.y + p.spread));
    // Of two names that would lie on each other the lower one goes below its point.
    const bool below = std::any_of(points.begin(), points.end(), [&](const Point& other) {
      const double above = y - axes.to_y(other.y);
      return &other != &p && std::abs(axes.to_x(other.x) - x) < kNear && above < kLine &&
             (above > 0 || (above == 0 && &other < &p));
    });
    text += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" style=\"stroke:{};fill:{}\"/><text class=\"n\" x=\"{:.1f}\" "
        "y=\"{:.1f}\"{}>{}</text>",
        x, y, colour(p.colour), p.filled ? colour(p.colour) : "var(--paper)", x > kWidth / 2 ? x - 9 : x + 9,
        below ? y + 15 : y - 7, x > kWidth / 2 ? " text-anchor=\"end\"" : "", html::escape(p.name));
  }
  return text + "</svg>";
}

std::string bars(const Frame& frame, const std::vector<Bar>& all) {
  double longest = 0;
  std::vector<std::string> kinds;
  for (const Bar& bar : all) {
    double total = 0;
    for (const auto& [kind, length] : bar.parts) {
      total += length;
      if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
    }
    longest = std::max(longest, total);
  }
  if (!(longest > 0)) return "";
  constexpr double kPerLegendRow = 3;
  const double top = kTop + 8, row = kBar + kBarGap;
  const double legend = top + row * static_cast<double>(all.size()) + 8;
  const double height = legend + 18 * std::ceil(static_cast<double>(kinds.size()) / kPerLegendRow) + 6;
  std::string text = open(frame, height);
  double y = top;
  for (const Bar& bar : all) {
    double x = 8;
    text += fmt::format("<text class=\"n\" x=\"8\" y=\"{:.1f}\">{}</text>", y + 12, html::escape(bar.name));
    for (const auto& [kind, length] : bar.parts) {
      const double width = (kWidth - 16) * length / longest;
      const auto at = static_cast<size_t>(std::find(kinds.begin(), kinds.end(), kind) - kinds.begin());
      text += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" "
          "style=\"fill:{}\"><title>{}</title></rect>",
          x, y + 18, width, kBar, kind_colour(at, kinds.size()), html::escape(kind));
      x += width;
    }
    y += row;
  }
  for (size_t i = 0; i < kinds.size(); ++i) {
    const double x = 8 + (kWidth - 16) / kPerLegendRow * std::fmod(static_cast<double>(i), kPerLegendRow);
    const double at = legend + 18 * std::floor(static_cast<double>(i) / kPerLegendRow);
    text += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"10\" height=\"10\" style=\"fill:{}\"/><text class=\"l\" x=\"{:.1f}\" "
        "y=\"{:.1f}\">{}</text>",
        x, at, kind_colour(i, kinds.size()), x + 15, at + 9, html::escape(kinds[i]));
  }
  return text + "</svg>";
}

}  // namespace ghost::svg
