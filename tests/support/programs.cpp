#include "support/programs.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "core/parallel.h"
#include "core/rng.h"

namespace ghost::test {

Folding::Folding(bool on) : before_(folding()) { set_folding(on); }
Folding::~Folding() { set_folding(before_); }
Threads::Threads(int n) : before_(threads()) { set_threads(n); }
Threads::~Threads() { set_threads(before_); }
PoisonedMemory::PoisonedMemory() { set_memory_poison(true); }
PoisonedMemory::~PoisonedMemory() { set_memory_poison(false); }

namespace {

Tensor from_values(std::vector<double> values, const Shape& shape, DType dtype) {
  for (double& v : values) v = static_cast<double>(static_cast<float>(v));
  return Tensor::from(values, shape).to(dtype);
}

// Moved away from the multiples of 1/2.
double off_kinks(double x, double margin) {
  const double kink = std::round(2 * x) / 2;
  return std::abs(x - kink) >= margin ? x : kink + (x < kink ? -margin : margin);
}

}  // namespace

Tensor random_tensor(const Shape& shape, const std::string& name, double lo, double hi, DType dtype) {
  RandomStream stream(1, name);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& v : values) v = stream.uniform(lo, hi);
  return from_values(std::move(values), shape, dtype);
}

Tensor normal_tensor(const Shape& shape, const std::string& name, double mean, double deviation) {
  RandomStream stream(1, name);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& v : values) v = mean + deviation * stream.normal();
  return from_values(std::move(values), shape, DType::f64);
}

std::vector<Tensor> inputs_of(const OpCase& c, DType dtype) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < c.inputs.size(); i++) {
    const Shape& shape = c.inputs[i];
    RandomStream stream(1, c.name + "/" + std::to_string(i));
    std::vector<double> values(static_cast<size_t>(shape.numel()));
    if (c.distinct) {
      const std::vector<int64_t> order = stream.permutation(shape.numel());
      for (size_t k = 0; k < values.size(); k++)
        values[k] = c.lo + (c.hi - c.lo) * static_cast<double>(order[k]) / static_cast<double>(values.size());
    } else {
      for (double& v : values) v = stream.uniform(c.lo, c.hi);
    }
    if (c.kink_margin > 0)
      for (double& v : values) v = off_kinks(v, c.kink_margin);
    inputs.push_back(from_values(std::move(values), shape, dtype));
  }
  return inputs;
}

std::vector<Tensor> leaves_of(const std::vector<Tensor>& values) {
  std::vector<Tensor> leaves;
  for (const Tensor& v : values) leaves.push_back(v.clone().set_requires_grad());
  return leaves;
}

Tensor upstream(const Shape& shape, DType dtype) { return random_tensor(shape, "upstream", -1, 1, dtype); }

std::vector<std::vector<double>> gradients_of(const std::vector<Tensor>& leaves) {
  std::vector<std::vector<double>> gradients;
  for (const Tensor& leaf : leaves) {
    const Tensor g = leaf.grad();
    gradients.push_back(g.defined() ? g.to_vector<double>() : std::vector<double>());
  }
  return gradients;
}

Outcome run(const Program& program, const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> leaves = leaves_of(inputs);
  const Tensor y = program(leaves);
  Outcome outcome;
  outcome.y = y.to_vector<double>();
  backward({y}, {upstream(y.shape(), y.dtype())});
  outcome.gradients = gradients_of(leaves);
  return outcome;
}

void expect_close(const std::vector<double>& a, const std::vector<double>& b, double tolerance,
                  const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  double largest = 0;
  for (const double v : b) largest = std::max(largest, std::abs(v));
  for (size_t i = 0; i < a.size(); i++)
    ASSERT_TRUE(std::abs(a[i] - b[i]) <= tolerance * (1 + largest))
        << what << "[" << i << "]: " << a[i] << " against " << b[i] << ", largest " << largest;
}

void expect_close(const Outcome& a, const Outcome& b, double tolerance) {
  expect_close(a.y, b.y, tolerance, "result");
  ASSERT_EQ(a.gradients.size(), b.gradients.size());
  for (size_t i = 0; i < a.gradients.size(); i++)
    expect_close(a.gradients[i], b.gradients[i], tolerance, "gradient of input " + std::to_string(i));
}

void expect_numeric_gradients(const Program& program, const std::vector<Tensor>& inputs,
                              const NumericOptions& options) {
  const Outcome analytic = run(program, inputs);
  const NoGrad no_grad;
  std::vector<Tensor> moved;
  for (const Tensor& t : inputs) moved.push_back(t.clone());
  std::vector<double> k;
  auto difference = [&](const std::vector<double>& a, const std::vector<double>& b) {
    double total = 0;  // element by element, so that little cancels
    for (size_t i = 0; i < a.size(); i++) total += k[i] * (a[i] - b[i]);
    return total;
  };
  auto result_at = [&](size_t input, int64_t element, double value) {
    moved[input].mutable_data<double>()[element] = value;
    const Tensor y = program(moved);
    if (k.empty()) k = upstream(y.shape(), y.dtype()).to_vector<double>();
    return y.to_vector<double>();
  };
  for (size_t input = 0; input < inputs.size(); input++) {
    ASSERT_EQ(static_cast<int64_t>(analytic.gradients[input].size()), inputs[input].numel()) << "input " << input;
    const std::vector<double> at = inputs[input].to_vector<double>();
    const auto size = static_cast<int64_t>(at.size());
    const int64_t step = std::max<int64_t>(1, size / options.most_elements);
    for (int64_t i = 0; i < size; i += step) {
      const double x = at[static_cast<size_t>(i)];
      const auto up = result_at(input, i, x + options.h), down = result_at(input, i, x - options.h);
      const double numeric = difference(up, down) / (2 * options.h);
      if (options.piecewise) {
        const auto here = result_at(input, i, x);
        const double right = difference(up, here) / options.h, left = difference(here, down) / options.h;
        if (std::abs(right - left) > 1e-3 * (1 + std::abs(numeric))) continue;
      }
      const double g = analytic.gradients[input][static_cast<size_t>(i)];
      EXPECT_TRUE(std::abs(g - numeric) <= options.tolerance * (1 + std::abs(numeric)))
          << "input " << input << " [" << i << "]: " << g << ", numeric " << numeric;
      result_at(input, i, x);
    }
  }
}

}  // namespace ghost::test
