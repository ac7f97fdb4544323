// Long curves in few points.
#pragma once
#include <cstddef>
#include <vector>

namespace ghost {

// Indices, ascending, of at most `most` values that look like all of them when they are joined by lines: the range is
// cut into equal parts, and each part keeps its lowest and its highest value. First and last are always kept, so are
// the lowest and highest of all; what is not finite is left out. most ≥ 4; fewer values are all kept.
std::vector<size_t> thin(const std::vector<double>& values, size_t most);

}  // namespace ghost
