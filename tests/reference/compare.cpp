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

void expect_all_within(const std::string& what, const std::vector<double>& got, const std::vector<double>& reference,
                       const Shape& shape, double allowed) {
  size_t worst = 0, outside = 0;
  double worst_difference = -1;
  for (size_t i = 0; i < reference.size(); i++) {
    double difference = got[i] == reference[i] ? 0 : std::abs(got[i] - reference[i]);
    if (std::isnan(difference)) difference = HUGE_VAL;
    if (difference > allowed) outside++;
    if (difference > worst_difference) {
      worst_difference = difference;
      worst = i;
    }
  }
  if (outside > 0)
    ADD_FAILURE() << fmt::format(
        "{} {}: {} of {} elements outside the tolerance. Worst at ({}): {:.9g} instead of {:.9g}, off by {:.3g} where "
        "{:.3g} is allowed",
        what, shape.str(), outside, reference.size(), fmt::join(index_of(static_cast<int64_t>(worst), shape), ", "),
        got[worst], reference[worst], worst_difference, allowed);
}

void expect_within(const std::string& what, double got, double reference, double allowed) {
  if (!(std::abs(got - reference) <= allowed))
    ADD_FAILURE() << fmt::format("{}: {:.9g} instead of {:.9g}, off by {:.3g} where {:.3g} is allowed", what, got,
                                 reference, std::abs(got - reference), allowed);
}

double largest_magnitude(const std::vector<double>& values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

void expect_close(const Case& c, const std::string& name, const Tensor& got, double rtol) {
  const Tensor& reference = c.tensor(name);
  if (!got.defined()) {
    ADD_FAILURE() << name << ": there is no result to compare";
  } else if (!(got.shape() == reference.shape())) {
    ADD_FAILURE() << name << " has shape " << got.shape().str() << ", the reference " << reference.shape().str();
  } else {
    const std::vector<double> want = reference.to_vector<double>();
    const double largest = largest_magnitude(want);
    const double allowed = reference.dtype() == DType::i64 ? 0 : std::max(c.allowed(name, largest), rtol * largest);
    expect_all_within(name, got.to_vector<double>(), want, reference.shape(), allowed);
  }
}

void expect_close(const Case& c, const std::string& name, const Tensor& ours, const Layout& layout, double rtol) {
  expect_close(c, name, ours.defined() ? to_reference(ours, layout) : ours, rtol);
}

void expect_close(const Case& c, const std::string& name, double got, double rtol) {
  expect_close(c, name, Tensor::full(c.tensor(name).shape(), got, DType::f64), rtol);
}

double l2_norm(const Tensor& t) {
  double sum = 0;
  if (t.defined())
    for (const double v : t.to_vector<double>()) sum += v * v;
  return std::sqrt(sum);
}

}  // namespace ghost::reference
