// Thinning of long curves.
#pragma once
#include <cstddef>
#include <vector>

namespace ghost {

// Ascending indices of at most `most` (≥ 4) values that draw the same line as all of them. The range is cut into equal
// parts, and each part keeps its lowest and its highest value. The first, the last, the lowest and the highest value
// are always kept. Values that are not finite are left out.
std::vector<size_t> thin(const std::vector<double>& values, size_t most);

}  // namespace ghost
