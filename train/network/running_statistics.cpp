#include "train/network/running_statistics.h"

#include <cmath>
#include <fmt/format.h>

#include "nn/layers/batch_norm2d.h"

namespace ghost {

namespace {

constexpr double kMostInitial = 0.25;  // share of a running statistic

}  // namespace

std::string young_statistics(Module& model) {
  double worst = kMostInitial, momentum = 0;
  int64_t steps = 0;
  std::string name;
  for (const auto& [path, module] : model.modules()) {
    const auto* norm = dynamic_cast<const BatchNorm2d*>(module);
    // Without momentum they are the mean of what was seen; with 0 they are meant to stay.
    const double m = norm ? norm->options().momentum.value_or(0) : 0;
    if (m <= 0 || norm->steps_seen() < 1) continue;
    const double share = std::pow(1 - m, static_cast<double>(norm->steps_seen()));
    if (share <= worst) continue;
    worst = share, momentum = m, steps = norm->steps_seen(), name = path;
  }
  if (name.empty()) return {};
  return fmt::format(
      "the running statistics of batch norm have seen {} step{} and still consist to {:.0f} % of their initial values "
      "({}, momentum {:g}): test accuracy may be far below what the network has learnt, until about {:.0f} steps are "
      "done",
      steps, steps == 1 ? "" : "s", 100 * worst, name, momentum,
      std::ceil(std::log(kMostInitial) / std::log1p(-momentum)));
}

}  // namespace ghost
