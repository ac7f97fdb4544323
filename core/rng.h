// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// A stream is a pure function of its seed and its name or numbers, so workers, threads and resume cannot change
// results.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace ghost {

// One block of Philox4x32-10: a bijection of the counter chosen by the key.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

class RandomStream {
 public:
  // The stream named by a path ("blocks.3.0.ghost1.primary_conv.0.weight") or by numbers ({epoch, sample}).
  RandomStream(uint64_t seed, std::string_view name);
  RandomStream(uint64_t seed, std::string_view purpose, std::initializer_list<uint64_t> numbers);

  uint32_t next();                              // uniform over 32 bits
  void fill(std::span<uint32_t> numbers);       // as that many calls of next() would
  void skip(uint64_t count);                    // as that many calls of next() would
  double uniform();                             // [0, 1), 53 bits; two calls of next()
  double uniform(double lo, double hi);         // [lo, hi)
  double normal();                              // mean 0, deviation 1
  int64_t below(int64_t n);                     // {0, …, n−1}, unbiased; n ≥ 1
  bool flip(double probability);                // true with that probability
  std::vector<int64_t> permutation(int64_t n);  // of {0, …, n−1}

 private:
  std::array<uint32_t, 2> key_{};
  std::array<uint32_t, 4> counter_{}, block_{};
  int used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

}  // namespace ghost
