#include "train/export/calibrate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "train/export/evaluator.h"

namespace ghost::onnx {
namespace {

constexpr size_t kBins = 2048;
constexpr double kOutside = 0.00005;  // of the values, at either end

struct Histogram {
  double lo = std::numeric_limits<double>::infinity(), hi = -std::numeric_limits<double>::infinity();
  std::vector<double> counts = {};

  double width() const { return (hi - lo) / static_cast<double>(kBins); }
  double centre(size_t bin) const { return lo + (static_cast<double>(bin) + 0.5) * width(); }
  void add(double v) {
    const double place = width() > 0 ? (v - lo) / width() : 0;
    counts[std::min(static_cast<size_t>(std::max(place, 0.0)), kBins - 1)]++;
  }
};

ValueRange by_percentile(const Histogram& h) {
  double all = 0;
  for (const double count : h.counts) all += count;
  size_t first = 0, last = kBins - 1;
  for (double below = h.counts[first]; first < last && below <= kOutside * all; below += h.counts[++first]) {
  }
  for (double above = h.counts[last]; last > first && above <= kOutside * all; above += h.counts[--last]) {
  }
  return {h.lo + static_cast<double>(first) * h.width(), h.lo + static_cast<double>(last + 1) * h.width()};
}

// Within a bin rounding errs by scale²/12 on average; what is clipped errs by its distance.
double square_error(const Histogram& h, const ValueRange& range) {
  const double scale = (range.hi - range.lo) / 255;
  double error = 0;
  for (size_t bin = 0; bin < kBins; bin++) {
    if (h.counts[bin] == 0) continue;
    const double v = h.centre(bin), outside = std::max({range.lo - v, v - range.hi, 0.0});
    error += h.counts[bin] * (outside > 0 ? outside * outside : scale * scale / 12);
  }
  return error;
}

ValueRange by_square_error(const Histogram& h) {
  constexpr int kSteps = 100;
  ValueRange best{h.lo, h.hi};
  double least = std::numeric_limits<double>::infinity();
  for (int step = kSteps; step > 0; step--) {
    const double part = static_cast<double>(step) / kSteps;
    const ValueRange range{std::min(h.lo, 0.0) * part, std::max(h.hi, 0.0) * part};
    if (const double error = square_error(h, range); error < least) least = error, best = range;
  }
  return best;
}

}  // namespace

ValueRanges calibrate(const Graph& graph, const std::vector<std::string>& values, const std::vector<Tensor>& inputs,
                      Calibration by) {
  if (inputs.empty()) fail("calibrate: there are no images");
  std::map<std::string, Histogram> histograms;
  for (const std::string& value : values) histograms[value];
  const auto each = [&](const auto& visit) {
    const auto see = [&](const std::string& name, const Tensor& t) {
      const auto found = histograms.find(name);
      if (found == histograms.end()) return;
      for (const float v : t.to_vector<float>()) visit(found->second, double{v});
    };
    const Evaluator evaluator(graph);
    for (const Tensor& input : inputs) {
      see(graph.input.name, input);
      evaluator.run(input, [&](const Node& node, const Tensor& result) { see(node.output, result); });
    }
  };
  each([](Histogram& h, double v) { h.lo = std::min(h.lo, v), h.hi = std::max(h.hi, v); });
  for (auto& [name, h] : histograms) {
    if (!(h.lo <= h.hi) || !std::isfinite(h.lo) || !std::isfinite(h.hi))
      fail("calibrate: the values of '{}' are not finite", name);
    h.counts.assign(kBins, 0);
  }
  each([](Histogram& h, double v) { h.add(v); });
  ValueRanges ranges;
  for (const auto& [name, h] : histograms)
    ranges[name] = by == Calibration::mse ? by_square_error(h) : by_percentile(h);
  return ranges;
}

}  // namespace ghost::onnx
