#include "train/report/curves.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "train/report/thin.h"

namespace ghost {

namespace {

template <class Point, class F>
Curve curve_of(const std::vector<Point>& points, F&& value_of, size_t most) {
  std::vector<double> values;
  values.reserve(points.size());
  for (const Point& p : points) values.push_back(value_of(p));
  Curve curve;
  for (const size_t i : thin(values, most)) {
    curve.step.push_back(points[i].step);
    curve.seconds.push_back(points[i].seconds);
    curve.value.push_back(values[i]);
  }
  return curve;
}

nlohmann::ordered_json json_of(const Curve& curve) {
  auto value = nlohmann::ordered_json::array();
  // Six digits are enough to draw, and half as long to write.
  for (const double v : curve.value) value.push_back(std::stod(fmt::format("{:.6g}", v)));
  return {{"step", curve.step}, {"seconds", curve.seconds}, {"value", value}};
}

}  // namespace

RunCurves curves_of(const RunRecord& run, size_t most) {
  RunCurves curves;
  const auto of_training = [&](const auto& points) {
    curves.train_loss = curve_of(
        points, [](const auto& p) { return p.loss; }, most);
    curves.train_accuracy = curve_of(
        points, [](const auto& p) { return p.top1; }, most);
    curves.lr = curve_of(
        points, [](const auto& p) { return p.lr; }, most);
  };
  if (run.steps.empty())
    of_training(run.epochs);
  else
    of_training(run.steps);
  const auto or_nan = [](const std::optional<double>& value) { return value.value_or(NAN); };
  curves.test_loss = curve_of(
      run.epochs, [&](const EpochPoint& p) { return or_nan(p.test_loss); }, most);
  curves.test_accuracy = curve_of(
      run.epochs, [&](const EpochPoint& p) { return or_nan(p.test_top1); }, most);
  // A run in its first epoch has shown only a part of it.
  curves.steps_per_epoch = static_cast<double>(run.steps_per_epoch() > 0 ? run.steps_per_epoch()
                                               : run.steps.empty()       ? 1
                                                                         : run.steps.back().step);
  return curves;
}

size_t points_per_curve(size_t runs) {
  constexpr size_t kAll = 90'000, kCurves = 5, kLeast = 40, kMost = 1500;
  return std::clamp(kAll / (kCurves * std::max<size_t>(1, runs)), kLeast, kMost);
}

nlohmann::ordered_json curves_json(const Comparison& comparison) {
  auto all = nlohmann::ordered_json::array();
  const size_t most = points_per_curve(comparison.runs.size());
  for (size_t c = 0; c < comparison.configurations.size(); ++c)
    for (const size_t i : comparison.configurations[c].runs) {
      const RunRecord& run = comparison.runs[i];
      const RunCurves curves = curves_of(run, most);
      const auto& cost = comparison.configurations[c].cost;
      constexpr double kPasses = 3;
      const double macs = cost ? kPasses * static_cast<double>(cost->macs) : 0;
      all.push_back({{"run", run.name},
                     {"configuration", c},
                     {"steps_per_epoch", curves.steps_per_epoch},
                     {"macs_per_step", macs * static_cast<double>(run.config.train.batch_size)},
                     {"train_loss", json_of(curves.train_loss)},
                     {"train_accuracy", json_of(curves.train_accuracy)},
                     {"lr", json_of(curves.lr)},
                     {"test_loss", json_of(curves.test_loss)},
                     {"test_accuracy", json_of(curves.test_accuracy)}});
    }
  return all;
}

}  // namespace ghost
