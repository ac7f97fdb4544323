// Spread over seeds, and 95 % confidence intervals of differences.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace ghost {

struct Spread {
  int64_t count = 0;
  double mean = 0;
  double deviation = 0;  // sample standard deviation (n − 1); 0 of a single value
  double low = 0, high = 0;
};
std::optional<Spread> spread_of(const std::vector<double>& values);  // empty: no values

// Quantile p in (0, 1) of Student's t with `freedom` > 0 degrees of freedom, by bisection of the regularised
// incomplete beta function (Abramowitz and Stegun, 26.7.1).
double student_t_quantile(double p, double freedom);

// An estimate with half the width of its 95 % interval. It is distinguishable from zero if the interval excludes zero.
struct Difference {
  enum class Basis {
    paired_seeds,    // Student's t over the differences of equal seeds
    welch,           // Welch's t: different seeds, unequal variances
    paired_samples,  // one run each: the same test images, binomial; says nothing of other seeds
    samples,         // one run each, binomial, test images taken as independent
  };
  double mean = 0, half_width = 0;
  Basis basis = Basis::samples;
  int64_t count = 0;   // pairs of seeds, the smaller number of runs, or test images
  int64_t images = 0;  // test images whose choice is in the width; 0: it is not
  bool distinguishable() const { return mean > half_width || mean < -half_width; }
};

// b − a over equal seeds, at least two of each, in the same order. If all differences are equal the width is 0.
Difference paired_difference(const std::vector<double>& a, const std::vector<double>& b);
// b − a, at least two of each.
Difference welch_difference(const std::vector<double>& a, const std::vector<double>& b);
// Accuracies in percent of two runs, or the means of several, on `count` test images each. `only_a` and `only_b` images
// were right in one of them alone; without them the images are taken as independent. The width is never 0: what few
// images never showed may still happen (Agresti and Caffo, 2000; Agresti and Min, 2005).
struct Discordant {
  int64_t only_a = 0, only_b = 0;
};
Difference sample_difference(double percent_a, double percent_b, int64_t count,
                             const std::optional<Discordant>& discordant);

// The difference over seeds with the uncertainty that the choice of test images brings, which its seeds share: other
// seeds do not show it. Half widths add as independent errors do (Howe, "Approximate confidence limits on the mean of
// X + Y", 1974), so that a spread that is small by chance, over few seeds, hides neither.
Difference with_test_images(Difference over_seeds, const Difference& over_images);

}  // namespace ghost
