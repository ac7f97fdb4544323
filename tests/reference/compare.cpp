#include "reference/compare.h"

#include <cmath>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace ghost::reference {
namespace {

std::vector<int64_t> index_of(int64_t element, const Shape& shape) {
  std::vector<int64_t> index(static_cast<size_t>(shape.rank()));
  for (int i = shape.rank() - 1; i >= 0; i--) {
    index[static_cast<size_t>(i)] = element % shape[i];
    element /= shape[i];
  }
  return index;
}

}  // namespace

void expect_close(const Case& c, const std::string& name, const Tensor& got, double rtol) {
  const Tensor& reference = c.tensor(name);
  if (!got.defined()) {
    ADD_FAILURE() << name << ": there is no result to compare";
    return;
  }
  if (!(got.shape() == reference.shape())) {
    ADD_FAILURE() << name << " has shape " << got.shape().str() << ", the reference " << reference.shape().str();
    return;
  }
  const std::vector<double> want = reference.to_vector<double>(), have = got.to_vector<double>();
  double largest = 0;
  for (const double v : want) largest = std::max(largest, std::abs(v));
  const double allowed = reference.dtype() == DType::i64 ? 0 : std::max(c.allowed(name, largest), rtol * largest);

  size_t worst = 0, outside = 0;
  double worst_difference = -1;
  for (size_t i = 0; i < want.size(); i++) {
    double difference = want[i] == have[i] ? 0 : std::abs(want[i] - have[i]);
    if (std::isnan(difference)) difference = HUGE_VAL;
    if (difference > allowed) outside++;
    if (difference > worst_difference) {
      worst_difference = difference;
      worst = i;
    }
  }
  EXPECT_EQ(outside, 0u) << fmt::format(
      "{} {}: {} of {} elements outside the tolerance. Worst at ({}): {:.9g} instead of {:.9g}, off by {:.3g} where "
      "{:.3g} is allowed (largest reference {:.3g})",
      name, reference.shape().str(), outside, want.size(),
      fmt::join(index_of(static_cast<int64_t>(worst), reference.shape()), ", "), have[worst], want[worst],
      worst_difference, allowed, largest);
}

void expect_close(const Case& c, const std::string& name, const Tensor& ours, const Layout& layout, double rtol) {
  expect_close(c, name, ours.defined() ? to_reference(ours, layout) : ours, rtol);
}

void expect_close(const Case& c, const std::string& name, double got, double rtol) {
  expect_close(c, name, Tensor::full(c.tensor(name).shape(), got, DType::f64), rtol);
}

void expect_within(const std::string& what, double got, double reference, double allowed) {
  EXPECT_TRUE(std::abs(got - reference) <= allowed)
      << fmt::format("{}: {:.9g} instead of {:.9g}, off by {:.3g} where {:.3g} is allowed", what, got, reference,
                     std::abs(got - reference), allowed);
}

double l2_norm(const Tensor& t) {
  double sum = 0;
  if (t.defined())
    for (const double v : t.to_vector<double>()) sum += v * v;
  return std::sqrt(sum);
}

}  // namespace ghost::reference
