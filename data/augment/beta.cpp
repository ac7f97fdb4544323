#include "data/augment/beta.h"

#include <cmath>

namespace ghost {
namespace {

// The logarithm of a draw of Gamma(alpha, 1) by Marsaglia and Tsang, "A simple method for generating gamma variables"
// (ACM TOMS 26, 2000). For small alpha the draw itself would be 0 too often.
double log_gamma_draw(double alpha, RandomStream& random) {
  const double boosted = alpha < 1 ? alpha + 1 : alpha;
  const double d = boosted - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  double log_draw = 0;
  while (true) {
    const double x = random.normal(), cube = 1 + c * x;
    if (cube <= 0) continue;
    const double log_v = 3 * std::log(cube), v = std::exp(log_v);
    if (std::log1p(-random.uniform()) >= x * x / 2 + d - d * v + d * log_v) continue;
    log_draw = std::log(d) + log_v;
    break;
  }
  // Gamma(alpha) = Gamma(alpha + 1) · U^(1/alpha)
  return alpha < 1 ? log_draw + std::log1p(-random.uniform()) / alpha : log_draw;
}

}  // namespace

double symmetric_beta(double alpha, RandomStream& random) {
  const double first = log_gamma_draw(alpha, random), second = log_gamma_draw(alpha, random);
  return 1 / (1 + std::exp(second - first));
}

}  // namespace ghost
