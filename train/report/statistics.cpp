#include "train/report/statistics.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace ghost {

namespace {

constexpr double kUpper = 0.975;  // of a two-sided interval at 95 %

// Continued fraction of the incomplete beta function (Abramowitz and Stegun, 26.5.8) by Lentz's method.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kEnough = 1e-15;
  constexpr int kMost = 500;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < kTiny ? kTiny : d);
  double value = d;
  for (int m = 1; m <= kMost; ++m) {
    double change = 1;
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    for (const double term : {even, odd}) {
      d = 1 + term * d;
      c = 1 + term / c;
      d = 1 / (std::abs(d) < kTiny ? kTiny : d);
      c = std::abs(c) < kTiny ? kTiny : c;
      change = c * d;
      value *= change;
    }
    if (std::abs(change - 1) < kEnough) break;
  }
  return value;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_t_cdf(double t, double freedom) {
  const double tail = 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
  return t < 0 ? tail : 1 - tail;
}

void require_several(const std::vector<double>& a, const std::vector<double>& b, bool equal) {
  if (a.size() < 2 || b.size() < 2 || (equal && a.size() != b.size()))
    fail("a difference over seeds needs two or more runs of each, but there are {} and {}", a.size(), b.size());
}

}  // namespace

std::optional<Spread> spread_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  Spread spread;
  spread.count = std::ssize(values);
  for (const double v : values) spread.mean += v / static_cast<double>(values.size());
  double squares = 0;
  for (const double v : values) squares += (v - spread.mean) * (v - spread.mean);
  if (values.size() > 1) spread.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  spread.low = *low;
  spread.high = *high;
  return spread;
}

double student_t_quantile(double p, double freedom) {
  if (!(p > 0 && p < 1 && freedom > 0)) fail("Student's t has no quantile {} with {} degrees of freedom", p, freedom);
  double low = -1, high = 1;
  while (student_t_cdf(low, freedom) > p) low *= 2;
  while (student_t_cdf(high, freedom) < p) high *= 2;
  constexpr int kHalvings = 200;
  for (int i = 0; i < kHalvings && high - low > 0; ++i) {
    const double middle = low + (high - low) / 2;
    (student_t_cdf(middle, freedom) < p ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

Difference paired_difference(const std::vector<double>& a, const std::vector<double>& b) {
  require_several(a, b, true);
  std::vector<double> differences;
  differences.reserve(a.size());
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(b[i] - a[i]);
  const Spread spread = *spread_of(differences);
  const auto n = static_cast<double>(spread.count);
  return {.mean = spread.mean,
          .half_width = student_t_quantile(kUpper, n - 1) * spread.deviation / std::sqrt(n),
          .basis = Difference::Basis::paired_seeds,
          .count = spread.count};
}

// Welch, "The generalization of 'Student's' problem when several different population variances are involved", 1947.
Difference welch_difference(const std::vector<double>& a, const std::vector<double>& b) {
  require_several(a, b, false);
  const Spread of_a = *spread_of(a), of_b = *spread_of(b);
  const auto n_a = static_cast<double>(of_a.count), n_b = static_cast<double>(of_b.count);
  const double v_a = of_a.deviation * of_a.deviation / n_a, v_b = of_b.deviation * of_b.deviation / n_b;
  Difference result{
      .mean = of_b.mean - of_a.mean, .basis = Difference::Basis::welch, .count = std::min(of_a.count, of_b.count)};
  if (v_a + v_b > 0) {
    const double freedom = (v_a + v_b) * (v_a + v_b) / (v_a * v_a / (n_a - 1) + v_b * v_b / (n_b - 1));
    result.half_width = student_t_quantile(kUpper, freedom) * std::sqrt(v_a + v_b);
  }
  return result;
}

// For paired proportions the variance of the difference is (b + c − (b − c)²/n)/n² with b, c the discordant counts
// (Agresti, "Categorical Data Analysis", section 11.1.1). Both intervals are those of made-up counts: half an image
// more of each of the four outcomes of a pair, or one more right and one more wrong of each sample. They lie around a
// difference that is nearer to 0; here they are made wide enough to reach as far around the one that was seen.
Difference sample_difference(double percent_a, double percent_b, int64_t count,
                             const std::optional<Discordant>& discordant) {
  if (count < 1) fail("an accuracy needs at least one test image to have an interval");
  const double seen = (percent_b - percent_a) / 100;
  const auto n = static_cast<double>(count) + 2;
  double centre = 0, variance = 0;
  if (discordant) {
    const auto b = static_cast<double>(discordant->only_a) + 0.5, c = static_cast<double>(discordant->only_b) + 0.5;
    centre = (c - b) / n;
    variance = (b + c - (b - c) * (b - c) / n) / (n * n);
  } else {
    const auto made_up = [&](double percent) { return (percent / 100 * static_cast<double>(count) + 1) / n; };
    const double a = made_up(percent_a), b = made_up(percent_b);
    centre = b - a;
    variance = (a * (1 - a) + b * (1 - b)) / n;
  }
  // A variance that few images tell is itself uncertain.
  const double quantile = student_t_quantile(kUpper, static_cast<double>(std::max<int64_t>(1, count - 1)));
  return {.mean = 100 * seen,
          .half_width = 100 * (quantile * std::sqrt(variance) + std::abs(seen - centre)),
          .basis = discordant ? Difference::Basis::paired_samples : Difference::Basis::samples,
          .count = count,
          .images = count};
}

Difference with_test_images(Difference over_seeds, const Difference& over_images) {
  over_seeds.half_width = std::hypot(over_seeds.half_width, over_images.half_width);
  over_seeds.images = over_images.images;
  return over_seeds;
}

}  // namespace ghost
