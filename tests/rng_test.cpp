#include "core/rng.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <set>

namespace ghost::test {
namespace {

using Block = std::array<uint32_t, 4>;

// kat_vectors of the authors' distribution, philox4x32 with 10 rounds
TEST(Philox, GivesItsAuthorsKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, IsAFunctionOfSeedNameAndNumbers) {
  auto draw = [](RandomStream s) {
    std::vector<uint32_t> v(16);
    std::generate(v.begin(), v.end(), [&] { return s.next(); });
    return v;
  };
  EXPECT_EQ(draw({7, "conv.weight"}), draw({7, "conv.weight"}));
  const std::set<std::vector<uint32_t>> streams{draw({7, "conv.weight"}),         draw({8, "conv.weight"}),
                                                draw({7, "conv.weighu"}),         draw({7, "conv.weight", {0}}),
                                                draw({7, "conv.weight", {1}}),    draw({7, "conv.weight", {0, 0}}),
                                                draw({7, "conv.weight", {0, 1}}), draw({7, "conv.weight", {1, 0}})};
  EXPECT_EQ(streams.size(), 8U);
}

TEST(RandomStream, SkippingIsDrawing) {
  for (const int before : {0, 1, 3, 4, 6})
    for (const uint64_t count : {0, 1, 2, 3, 4, 5, 8, 1001}) {
      RandomStream drawn(5, "skip"), skipped(5, "skip");
      for (int i = 0; i < before; i++) drawn.next(), skipped.next();
      for (uint64_t i = 0; i < count; i++) drawn.next();
      skipped.skip(count);
      EXPECT_EQ(skipped.next(), drawn.next()) << before << " drawn, then " << count;
    }
}

TEST(RandomStream, FillingIsDrawing) {
  for (const int before : {0, 1, 3, 4})
    for (const size_t count : {0, 1, 3, 4, 5, 1001}) {
      RandomStream drawn(5, "fill"), filled(5, "fill");
      for (int i = 0; i < before; i++) drawn.next(), filled.next();
      std::vector<uint32_t> numbers(count);
      filled.fill(numbers);
      for (const uint32_t n : numbers) ASSERT_EQ(n, drawn.next());
      EXPECT_EQ(filled.next(), drawn.next()) << before << " drawn, then " << count;
    }
}

TEST(RandomStream, SkippingReachesBeyond32BitsOfBlocks) {
  RandomStream once(5, "skip"), twice(5, "skip");
  once.skip(uint64_t{1} << 35), twice.skip(uint64_t{1} << 34), twice.skip(uint64_t{1} << 34);
  EXPECT_EQ(once.next(), twice.next());
  EXPECT_NE(RandomStream(once).next(), RandomStream(5, "skip").next());
}

TEST(RandomStream, NeighbouringSeedsAndNumbersAreUncorrelated) {
  // the correlation of n independent pairs has deviation 1/√n; 5 of them
  constexpr int kDraws = 20'000;
  auto correlation = [](RandomStream a, RandomStream b) {
    double sum = 0;
    for (int i = 0; i < kDraws; i++) sum += (a.uniform() - 0.5) * (b.uniform() - 0.5);
    return sum / kDraws * 12;
  };
  const double bound = 5 / std::sqrt(kDraws);
  for (uint64_t i = 0; i < 20; i++) {
    EXPECT_LT(std::abs(correlation({i, "x"}, {i + 1, "x"})), bound) << i;
    EXPECT_LT(std::abs(correlation({1, "x", {3, i}}, {1, "x", {3, i + 1}})), bound) << i;
  }
}

TEST(RandomStream, UniformFillsItsRangeEvenly) {
  RandomStream s(1, "uniform");
  constexpr int kDraws = 200'000, kBins = 50;
  std::array<int, kBins> bins{};
  for (int i = 0; i < kDraws; i++) {
    const double u = s.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    bins[static_cast<size_t>(u * kBins)]++;
  }
  double chi2 = 0;
  for (const int n : bins) chi2 += (n - kDraws / kBins) * (n - kDraws / kBins) / (1.0 * kDraws / kBins);
  EXPECT_LT(chi2, 49 + 5 * std::sqrt(2 * 49.0));
  EXPECT_GT(chi2, 49 - 5 * std::sqrt(2 * 49.0));  // too even is wrong as well
  for (int i = 0; i < 1000; i++) {
    const double v = s.uniform(-3, 5);
    ASSERT_TRUE(v >= -3 && v < 5);
  }
}

TEST(RandomStream, NormalHasItsMoments) {
  RandomStream s(1, "normal");
  constexpr int kDraws = 200'000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, lagged = 0, before = 0;
  for (int i = 0; i < kDraws; i++) {
    const double v = s.normal();
    m1 += v, m2 += v * v, m3 += v * v * v, m4 += v * v * v * v, lagged += v * before, before = v;
  }
  // deviations of the means of v, v², v³, v⁴: 1, √2, √15, √96, each over √n; 5 of them
  const double unit = 5 / std::sqrt(kDraws);
  EXPECT_NEAR(m1 / kDraws, 0, unit);
  EXPECT_NEAR(m2 / kDraws, 1, unit * std::sqrt(2));
  EXPECT_NEAR(m3 / kDraws, 0, unit * std::sqrt(15));
  EXPECT_NEAR(m4 / kDraws, 3, unit * std::sqrt(96));
  EXPECT_NEAR(lagged / kDraws, 0, unit);
}

TEST(RandomStream, BelowIsUnbiased) {
  RandomStream s(1, "below");
  constexpr int kDraws = 60'000;
  for (const int64_t n : {1, 2, 3, 7, 10}) {
    std::vector<int> count(static_cast<size_t>(n));
    for (int i = 0; i < kDraws; i++) {
      const int64_t v = s.below(n);
      ASSERT_TRUE(v >= 0 && v < n);
      count[static_cast<size_t>(v)]++;
    }
    const double p = 1.0 / static_cast<double>(n);
    for (const int c : count) EXPECT_NEAR(c, kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p)) + 1e-9) << n;
  }
  // Three quarters of the range of 64 bits: taking remainders would favour the first third two to one.
  constexpr int64_t kWide = int64_t{3} << 61;
  int low = 0;
  for (int i = 0; i < kDraws; i++) low += s.below(kWide) < kWide / 3;
  EXPECT_NEAR(low, kDraws / 3.0, 5 * std::sqrt(kDraws * 2 / 9.0));
}

TEST(RandomStream, FlipHasItsProbability) {
  RandomStream s(1, "flip");
  constexpr int kDraws = 50'000;
  int hits = 0;
  for (int i = 0; i < kDraws; i++) hits += s.flip(0.3);
  EXPECT_NEAR(hits, 0.3 * kDraws, 5 * std::sqrt(0.21 * kDraws));
  for (int i = 0; i < 100; i++) {
    ASSERT_FALSE(s.flip(0));
    ASSERT_TRUE(s.flip(1));
  }
}

TEST(RandomStream, PermutationsAreEquallyLikely) {
  RandomStream s(1, "permutation");
  constexpr int kDraws = 24'000;
  std::map<std::vector<int64_t>, int> count;
  for (int i = 0; i < kDraws; i++) count[s.permutation(4)]++;
  ASSERT_EQ(count.size(), 24U);
  for (const auto& [order, n] : count) {
    EXPECT_TRUE(std::is_permutation(order.begin(), order.end(), std::begin({0, 1, 2, 3})));
    EXPECT_NEAR(n, 1000, 5 * std::sqrt(1000.0 * 23 / 24));
  }
  EXPECT_TRUE(s.permutation(0).empty());
}

}  // namespace
}  // namespace ghost::test
