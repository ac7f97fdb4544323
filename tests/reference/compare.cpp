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

struct Worst {
  int64_t element = 0, outside = 0;  // outside: how many elements
  double difference = -1;
};

Worst worst_of(const std::vector<double>& got, const std::vector<double>& reference, double allowed) {
  Worst worst;
  for (size_t i = 0; i < reference.size(); i++) {
    double difference = got[i] == reference[i] ? 0 : std::abs(got[i] - reference[i]);
    if (std::isnan(difference)) difference = HUGE_VAL;
    if (difference > allowed) worst.outside++;
    if (difference > worst.difference) {
      worst.difference = difference;
      worst.element = static_cast<int64_t>(i);
    }
  }
  return worst;
}

// Fails the running test if not.
bool comparable(const std::string& name, const Tensor& got, const Tensor& reference) {
  if (!got.defined())
    ADD_FAILURE() << name << ": there is no result to compare";
  else if (!(got.shape() == reference.shape()))
    ADD_FAILURE() << name << " has shape " << got.shape().str() << ", the reference " << reference.shape().str();
  else
    return true;
  return false;
}

double tolerance_of(const Case& c, const std::string& name, const std::vector<double>& reference, double rtol) {
  if (c.tensor(name).dtype() == DType::i64) return 0;
  const double largest = largest_magnitude(reference);
  return std::max(c.allowed(name, largest), rtol * largest);
}

}  // namespace

void expect_all_within(const std::string& what, const std::vector<double>& got, const std::vector<double>& reference,
                       const Shape& shape, double allowed) {
  const Worst worst = worst_of(got, reference, allowed);
  if (worst.outside > 0)
    ADD_FAILURE() << fmt::format(
        "{} {}: {} of {} elements outside the tolerance. Worst at ({}): {:.9g} instead of {:.9g}, off by {:.3g} where "
        "{:.3g} is allowed",
        what, shape.str(), worst.outside, reference.size(), fmt::join(index_of(worst.element, shape), ", "),
        got[static_cast<size_t>(worst.element)], reference[static_cast<size_t>(worst.element)], worst.difference,
        allowed);
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
  if (!comparable(name, got, reference)) return;
  const std::vector<double> want = reference.to_vector<double>();
  expect_all_within(name, got.to_vector<double>(), want, reference.shape(), tolerance_of(c, name, want, rtol));
}

void expect_gradient(const Case& c, const std::string& name, const Tensor& got, const std::function<Tensor()>& in_f64) {
  const Tensor& reference = c.tensor(name);
  if (!comparable(name, got, reference)) return;
  const std::vector<double> want = reference.to_vector<double>(), have = got.to_vector<double>();
  const double allowed = tolerance_of(c, name, want, 0);
  if (worst_of(have, want, allowed).outside == 0) return;
  expect_all_within(name + " (in f64)", in_f64().to_vector<double>(), want, reference.shape(), allowed);
  expect_all_within(name, have, want, reference.shape(), 10 * allowed);
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
