// Memory that the next block of work will read, fetched into the second cache while this one is computed.
#pragma once
#include <array>
#include <cstdint>

namespace ghost {

class Ahead {
 public:
  // Up to kRegions regions; what comes after them is not fetched.
  void add(const void* begin, const void* end) {
    if (count_ < kRegions && begin < end)
      regions_[static_cast<size_t>(count_++)] = {static_cast<const char*>(begin), static_cast<const char*>(end)};
  }
  // Part i of n of every region.
  void fetch(int64_t i, int64_t n) const {
    constexpr int64_t kLine = 64;
    for (int64_t r = 0; r < count_; r++) {
      const Region& region = regions_[static_cast<size_t>(r)];
      const int64_t lines = (region.end - region.begin + kLine - 1) / kLine;
      for (int64_t k = lines * i / n; k < lines * (i + 1) / n; k++) __builtin_prefetch(region.begin + k * kLine, 0, 2);
      asm volatile("");  // GCC takes a function that only prefetches for one without effect, and drops its calls
    }
  }

 private:
  static constexpr int64_t kRegions = 4;
  struct Region {
    const char *begin, *end;
  };
  std::array<Region, kRegions> regions_{};
  int64_t count_ = 0;
};

}  // namespace ghost
