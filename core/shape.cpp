#include "core/shape.h"

#include <fmt/ranges.h>

#include "core/error.h"

namespace ghost {

Shape::Shape(std::span<const int64_t> dims) {
  if (dims.size() > kMaxRank) fail("shape: {} dimensions, but at most {} are supported", dims.size(), kMaxRank);
  for (const int64_t d : dims) {
    if (d < 0) fail("shape: dimension {} is {}, but sizes are not negative", rank_, d);
    dims_[static_cast<size_t>(rank_++)] = d;
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
