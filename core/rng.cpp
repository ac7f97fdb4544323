#include "core/rng.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace ghost {

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; round++) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0], b = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(a)};
    k[0] += 0x9E3779B9, k[1] += 0xBB67AE85;
  }
  return c;
}

namespace {

// FNV-1a over bytes, then SplitMix64's finaliser: names differ in few bits, keys should differ in all.
uint64_t hash(uint64_t h, std::string_view bytes) {
  for (const char b : bytes) h = (h ^ static_cast<unsigned char>(b)) * 0x100000001B3;
  return h;
}
uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9, z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

RandomStream::RandomStream(uint64_t seed, std::string_view name) : RandomStream(seed, name, {}) {}

RandomStream::RandomStream(uint64_t seed, std::string_view purpose, std::initializer_list<uint64_t> numbers) {
  uint64_t h = hash(0xCBF29CE484222325, purpose);
  for (const uint64_t n : numbers) h = mixed(h + 0x9E3779B97F4A7C15 + n);
  const uint64_t key = mixed(seed + 0x9E3779B97F4A7C15);
  key_ = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
  h = mixed(h);
  counter_ = {0, 0, static_cast<uint32_t>(h), static_cast<uint32_t>(h >> 32)};
}

uint32_t RandomStream::next() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_), used_ = 0;
    if (++counter_[0] == 0) ++counter_[1];
  }
  return block_[static_cast<size_t>(used_++)];
}

void RandomStream::fill(std::span<uint32_t> numbers) {
  size_t i = 0;
  for (; i < numbers.size() && used_ < 4; i++) numbers[i] = next();
  for (; i + 4 <= numbers.size(); i += 4) {  // whole blocks, which do not wait for each other
    const auto block = philox4x32(counter_, key_);
    std::copy(block.begin(), block.end(), numbers.begin() + static_cast<std::ptrdiff_t>(i));
    if (++counter_[0] == 0) ++counter_[1];
  }
  for (; i < numbers.size(); i++) numbers[i] = next();
}

void RandomStream::skip(uint64_t count) {
  for (; count > 0 && used_ < 4; count--) used_++;
  const uint64_t blocks = (uint64_t{counter_[1]} << 32 | counter_[0]) + count / 4;
  counter_[0] = static_cast<uint32_t>(blocks), counter_[1] = static_cast<uint32_t>(blocks >> 32);
  for (uint64_t i = 0; i < count % 4; i++) next();
}

double RandomStream::uniform() {
  const uint64_t high = next() >> 5, low = next() >> 6;
  return static_cast<double>((high << 26) | low) * 0x1p-53;
}

double RandomStream::uniform(double lo, double hi) { return lo + (hi - lo) * uniform(); }

double RandomStream::normal() {
  if (has_spare_) return has_spare_ = false, spare_normal_;
  // Box and Muller, 1958
  const double r = std::sqrt(-2 * std::log(1 - uniform())), angle = 2 * std::numbers::pi * uniform();
  spare_normal_ = r * std::sin(angle), has_spare_ = true;
  return r * std::cos(angle);
}

int64_t RandomStream::below(int64_t n) {
  const auto range = static_cast<uint64_t>(n);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;
  for (;;) {
    const uint64_t high = next(), v = (high << 32) | next();
    if (v < limit) return static_cast<int64_t>(v % range);
  }
}

bool RandomStream::flip(double probability) { return uniform() < probability; }

std::vector<int64_t> RandomStream::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n; i-- > 1;) std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(below(i + 1))]);
  return order;
}

}  // namespace ghost
