#include "train/loop/find_lr.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace ghost {

namespace {

constexpr size_t kLeastFall = 3;  // rates

// What the mean keeps from step to step: fast.ai's 0.98 for 100 steps, and as much over the same range of rates for
// other numbers, so that the mean does not lag further behind where steps are few.
double kept_share(const LrSweep& sweep) { return std::pow(0.98, 100 / static_cast<double>(sweep.steps)); }

struct Fall {
  size_t length = 0, end = 0;  // in points; index of the last
};

// The longest run of points, others between them allowed, of which each is below the one before.
Fall longest_fall(std::span<const LrPoint> points) {
  std::vector<size_t> length(points.size(), 1);
  Fall longest;
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t j = 0; j < i; ++j)
      if (points[i].smoothed < points[j].smoothed) length[i] = std::max(length[i], length[j] + 1);
    if (length[i] > longest.length) longest = {length[i], i};
  }
  return longest;
}

double steepest_of(std::span<const LrPoint> points) {
  double lr = points[0].lr, least = std::numeric_limits<double>::infinity();
  for (size_t i = 1; i < points.size(); ++i) {
    const double slope = (points[i].smoothed - points[i - 1].smoothed) / std::log(points[i].lr / points[i - 1].lr);
    if (slope < least) least = slope, lr = points[i - 1].lr;
  }
  return lr;
}

}  // namespace

double rate_of(const LrSweep& sweep, int64_t step) {
  if (step == sweep.steps - 1) return sweep.to;  // without rounding
  return sweep.from * std::pow(sweep.to / sweep.from, static_cast<double>(step) / static_cast<double>(sweep.steps - 1));
}

LrCurve find_lr(Trainer& trainer, const LrSweep& sweep, const std::function<bool(const LrPoint&)>& on_step) {
  LrCurve curve;
  const double kept = kept_share(sweep);
  double mean = 0, weight = 0, least = std::numeric_limits<double>::infinity();
  const auto rate = [&]() -> std::optional<double> {
    const int64_t step = std::ssize(curve.points);
    if (curve.end != SweepEnd::whole || step == sweep.steps) return {};
    return rate_of(sweep, step);
  };
  const auto took = [&](const MetricSums& sums) {
    mean = kept * mean + (1 - kept) * sums.loss();
    weight = kept * weight + (1 - kept);
    const LrPoint point{.lr = rate_of(sweep, std::ssize(curve.points)), .loss = sums.loss(), .smoothed = mean / weight};
    curve.points.push_back(point);
    least = std::min(least, point.smoothed);
    if (point.smoothed > LrCurve::kDivergence * least) curve.end = SweepEnd::diverged;
    if (on_step && !on_step(point)) curve.end = SweepEnd::stopped;
  };
  if (!trainer.sweep(rate, took)) curve.end = SweepEnd::not_finite;
  return curve;
}

std::optional<LrSuggestion> suggest_lr(const LrCurve& curve, int64_t steps) {
  constexpr size_t kLast = 5;
  const auto first = static_cast<size_t>(steps / 10);
  if (curve.points.size() < first + kLast + kLeastFall) return {};
  const std::span points = std::span(curve.points).subspan(first, curve.points.size() - first - kLast);
  const Fall fall = longest_fall(points);
  if (fall.length < kLeastFall) return {};
  LrSuggestion suggestion;
  suggestion.valley = points[fall.end - fall.length + fall.length / 3 + fall.length / 6].lr;  // rounded as there
  suggestion.steepest = steepest_of(points);
  suggestion.falls_on = curve.end == SweepEnd::whole && curve.points.back().smoothed <= points.back().smoothed &&
                        fall.end + 1 == points.size();
  return suggestion;
}

}  // namespace ghost
