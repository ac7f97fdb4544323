#include "train/page/text.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace ghost {

std::string grouped(int64_t n) {
  std::string digits = std::to_string(n);
  const int64_t first = n < 0 ? 1 : 0;
  for (int64_t i = std::ssize(digits) - 3; i > first; i -= 3) digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string percent(double value) { return fmt::format("{:.2f} %", value); }
std::string share(double value) { return fmt::format("{:.0f} %", 100 * value); }

}  // namespace ghost
