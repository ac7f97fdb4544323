// The curves of a run, thinned so that a page stays small.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "train/report/comparison.h"

namespace ghost {

struct Curve {
  std::vector<int64_t> step;
  std::vector<double> seconds, value;
};
struct RunCurves {
  Curve train_loss, train_accuracy,
      lr;  // one point for each "step" line of metrics.jsonl, or for each epoch if there are none
  Curve test_loss, test_accuracy;
  double steps_per_epoch = 0;  // for the axis of epochs
};

// Each curve thinned to `most` points or fewer (thin.h).
RunCurves curves_of(const RunRecord& run, size_t most);

// How many points each curve of so many runs may have, so that a page stays small and quick.
size_t points_per_curve(size_t runs);

// [{"run", "configuration", "steps_per_epoch", "macs_per_step", "train_loss": {"step", "seconds", "value"}, …}], by
// configuration. A training step counts as three forward passes over its batch: one forward, two backward.
nlohmann::ordered_json curves_json(const Comparison& comparison);

}  // namespace ghost
