// Checks and roundings that the layers' constructors share. All checks throw UsageError.
#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace ghost {

// Height and width; one number serves both.
struct Size2 {
  int64_t h = 1, w = 1;
  constexpr Size2(int64_t both) : h(both), w(both) {}  // NOLINT(google-explicit-constructor): `.kernel = 3`
  constexpr Size2(int64_t height, int64_t width) : h(height), w(width) {}
  constexpr operator std::array<int64_t, 2>() const { return {h, w}; }  // NOLINT(google-explicit-constructor)
  constexpr bool operator==(const Size2&) const = default;
};

void require_at_least(const char* layer, const char* option, int64_t value, int64_t least);
void require_at_least(const char* layer, const char* option, Size2 value, int64_t least);
// The number of groups must divide both; the message names the nearest number of groups that does.
void require_groups(const char* layer, int64_t in, int64_t out, int64_t groups);
// An odd depthwise kernel keeps the size of its input; an even one would not align with it.
void require_odd_kernel(const char* layer, const char* option, int64_t kernel);

// "4 or 8": the divisors of n next to `wanted`, below and above.
std::string nearest_divisors(int64_t n, int64_t wanted);

// As Python's round: 2.5 → 2, 3.5 → 4.
int64_t round_half_to_even(double v);

// The multiple of divisor nearest to value, at least divisor, never more than 10 % below value (MobileNet's rule).
int64_t make_divisible(double value, int64_t divisor = 4);

}  // namespace ghost
