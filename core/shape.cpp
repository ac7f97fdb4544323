#include "core/shape.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "core/error.h"

namespace ghost {

Shape::Shape(std::span<const int64_t> dims) {
  if (dims.size() > kMaxRank) fail("shape: {} dimensions, but at most {} are supported", dims.size(), kMaxRank);
  for (const int64_t d : dims) {
    if (d < 0) fail("shape: dimension {} is {}, but sizes are not negative", rank_, d);
    dims_[static_cast<size_t>(rank_++)] = d;
  }
  constexpr int64_t kMost = int64_t{1} << 59;  // sizes in bytes have to be counted as well
  int64_t n = 1;
  for (const int64_t d : dims) {
    if (d > 0 && n > kMost / d) fail("shape: {} has more numbers than any memory can hold", str());
    n *= std::max<int64_t>(d, 1);
  }
}

int64_t Shape::numel() const {
  int64_t n = 1;
  for (const int64_t d : *this) n *= d;
  return n;
}

int64_t Shape::pixels() const {
  int64_t n = 1;
  for (int i = 0; i + 1 < rank_; i++) n *= (*this)[i];
  return n;
}

std::string Shape::str() const { return fmt::format("({})", fmt::join(begin(), end(), ", ")); }

}  // namespace ghost
