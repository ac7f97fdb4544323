#include "nn/layers/checks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace ghost {

void require_at_least(const char* layer, const char* option, int64_t value, int64_t least) {
  if (value < least) fail_usage("{}: {}={}, but must be at least {}", layer, option, value, least);
}
void require_at_least(const char* layer, const char* option, Size2 value, int64_t least) {
  if (std::min(value.h, value.w) < least)
    fail_usage("{}: {}={}x{}, but both must be at least {}", layer, option, value.h, value.w, least);
}

std::string nearest_divisors(int64_t n, int64_t wanted) {
  int64_t below = 0, above = 0;
  for (int64_t d = 1; d <= n / d; d++) {
    if (n % d != 0) continue;
    for (const int64_t divisor : {d, n / d}) {
      if (divisor <= wanted) below = std::max(below, divisor);
      if (divisor >= wanted && (above == 0 || divisor < above)) above = divisor;
    }
  }
  if (below == above || above == 0) return std::to_string(below);
  return below == 0 ? std::to_string(above) : std::to_string(below) + " or " + std::to_string(above);
}

void require_groups(const char* layer, int64_t in, int64_t out, int64_t groups) {
  require_at_least(layer, "groups", groups, 1);
  if (in % groups == 0 && out % groups == 0) return;
  fail_usage("{}: groups={} does not divide {}; nearest valid: groups={}", layer, groups,
             in % groups != 0 && out % groups != 0 ? fmt::format("in={} and out={}", in, out)
             : in % groups != 0                    ? fmt::format("in={}", in)
                                                   : fmt::format("out={}", out),
             nearest_divisors(std::gcd(in, out), groups));
}

void require_odd_kernel(const char* layer, const char* option, int64_t kernel) {
  require_at_least(layer, option, kernel, 1);
  if (kernel % 2 == 0)
    fail_usage("{}: {}={} is even, so its maps would not align with the primary ones; nearest valid: {} or {}", layer,
               option, kernel, kernel - 1, kernel + 1);
}

int64_t round_half_to_even(double v) { return static_cast<int64_t>(std::nearbyint(v)); }

int64_t make_divisible(double value, int64_t divisor) {
  const auto d = static_cast<double>(divisor);
  const int64_t rounded = std::max(divisor, static_cast<int64_t>(value + d / 2) / divisor * divisor);
  return static_cast<double>(rounded) < 0.9 * value ? rounded + divisor : rounded;
}

}  // namespace ghost
