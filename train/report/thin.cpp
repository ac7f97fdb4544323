#include "train/report/thin.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace ghost {

std::vector<size_t> thin(const std::vector<double>& values, size_t most) {
  if (most < 4) fail("a curve is thinned to 4 points or more, but {} are asked for", most);
  std::vector<size_t> finite;
  finite.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    if (std::isfinite(values[i])) finite.push_back(i);
  if (finite.size() <= most) return finite;

  const size_t parts = (most - 2) / 2, inner = finite.size() - 2;
  const auto below = [&](size_t a, size_t b) { return values[a] < values[b]; };
  std::vector<size_t> kept{finite.front()};
  for (size_t part = 0; part < parts; ++part) {
    const auto begin = finite.begin() + 1 + static_cast<std::ptrdiff_t>(inner * part / parts);
    const auto end = finite.begin() + 1 + static_cast<std::ptrdiff_t>(inner * (part + 1) / parts);
    const auto [low, high] = std::minmax_element(begin, end, below);
    kept.push_back(std::min(*low, *high));
    if (*low != *high) kept.push_back(std::max(*low, *high));
  }
  kept.push_back(finite.back());
  return kept;
}

}  // namespace ghost
