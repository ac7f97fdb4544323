// What a difference of accuracies may claim: held to simulated runs, whose truth is known.
#include "train/report/statistics.h"

#include <cmath>
#include <gtest/gtest.h>

#include "core/rng.h"

namespace ghost {
namespace {

TEST(Statistics, QuantilesOfStudentsT) {
  // Published tables, two-sided 95 %.
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.7062, 1e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 2), 4.3027, 1e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 10), 2.2281, 1e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 1000), 1.9623, 1e-4);
  EXPECT_NEAR(student_t_quantile(0.5, 3), 0, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.05, 4), -2.1318, 1e-4);
}

TEST(Statistics, PairsTakeOutWhatSeedsShare) {
  const std::vector<double> a{60, 70, 80}, b{61, 71.2, 80.8};
  const Difference paired = paired_difference(a, b), welch = welch_difference(a, b);
  EXPECT_NEAR(paired.mean, 1, 1e-12);
  // deviation of {1, 1.2, 0.8} is 0.2; 4.3027 · 0.2 / √3
  EXPECT_NEAR(paired.half_width, 0.49684, 1e-4);
  EXPECT_TRUE(paired.distinguishable());
  EXPECT_NEAR(welch.mean, 1, 1e-12);
  EXPECT_FALSE(welch.distinguishable());
}

TEST(Statistics, OneSeedIsJudgedByTheTestImages) {
  // Of so many images hardly wider than the binomial interval.
  const Difference apart = sample_difference(80, 79, 10'000, std::nullopt);
  EXPECT_NEAR(apart.half_width, 100 * 1.959964 * std::sqrt((0.8 * 0.2 + 0.79 * 0.21) / 1e4), 1e-3);
  EXPECT_FALSE(apart.distinguishable());
  // The same accuracies, but nearly always right on the same images.
  const Difference together = sample_difference(80, 79, 10'000, Discordant{150, 50});
  EXPECT_NEAR(together.half_width, 100 * 1.959964 * std::sqrt(200 - 1.0) / 1e4, 2e-3);
  EXPECT_TRUE(together.distinguishable());
}

// Two configurations that are trained with the same seeds and tested on the same images.
struct World {
  int64_t seeds = 2, images = 12;
  double right_a = 0.5, right_b = 0.5;  // share of all images
  double of_seed = 0;                   // standard deviation of a run's share, by its seed
  double alike = 0;                     // share of the images that all runs answer alike, right or wrong
  double own = 0;                       // share of those that the runs of one configuration answer alike
};

// Shares of `draws` worlds in which the difference is told to be distinguishable.
struct Told {
  double by_pairs = 0, as_independent = 0, with_answers = 0;
};
Told told(const World& world, int64_t draws) {
  Told sum;
  for (int64_t draw = 0; draw < draws; ++draw) {
    RandomStream random(7, "statistics", {static_cast<uint64_t>(draw)});
    // Of an image: a run whose share is above it is right.
    std::vector<double> common_a, common_b;
    const auto first_alike = static_cast<int64_t>(world.alike * static_cast<double>(world.images)),
               first_shared = first_alike + static_cast<int64_t>(world.own * static_cast<double>(world.images));
    for (int64_t i = 0; i < world.images; ++i) {
      common_a.push_back(random.uniform());
      common_b.push_back(i < first_alike ? common_a.back() : random.uniform());
    }
    std::vector<double> a, b;
    Discordant discordant;
    for (int64_t seed = 0; seed < world.seeds; ++seed) {
      const double share_a = world.right_a + world.of_seed * random.normal(),
                   share_b = world.right_b + world.of_seed * random.normal();
      int64_t hits_a = 0, hits_b = 0;
      for (int64_t i = 0; i < world.images; ++i) {
        const bool shared = i < first_shared;
        const bool right_a = (shared ? common_a[static_cast<size_t>(i)] : random.uniform()) < share_a,
                   right_b = (shared ? common_b[static_cast<size_t>(i)] : random.uniform()) < share_b;
        hits_a += right_a, hits_b += right_b;
        if (seed == 0) discordant.only_a += right_a && !right_b, discordant.only_b += right_b && !right_a;
      }
      const auto percent = [&](int64_t hits) {
        return 100.0 * static_cast<double>(hits) / static_cast<double>(world.images);
      };
      a.push_back(percent(hits_a)), b.push_back(percent(hits_b));
    }
    const double mean_a = spread_of(a)->mean, mean_b = spread_of(b)->mean;
    const Difference independent = sample_difference(mean_a, mean_b, world.images, std::nullopt),
                     paired = sample_difference(mean_a, mean_b, world.images, discordant);
    if (world.seeds == 1) {
      sum.as_independent += independent.distinguishable();
      sum.with_answers += paired.distinguishable();
    } else {
      sum.by_pairs += with_test_images(paired_difference(a, b), independent).distinguishable();
      sum.as_independent += with_test_images(welch_difference(a, b), independent).distinguishable();
      sum.with_answers += with_test_images(paired_difference(a, b), paired).distinguishable();
    }
  }
  const auto n = static_cast<double>(draws);
  return {sum.by_pairs / n, sum.as_independent / n, sum.with_answers / n};
}

// 5 % with what chance adds over 1000 draws.
constexpr double kMostFalse = 0.065;

TEST(Noise, IsDistinguishableInOneOfTwentyDrawsAtMost) {
  const World worlds[] = {
      {.seeds = 1, .images = 12},
      {.seeds = 1, .images = 100, .right_a = 0.9, .right_b = 0.9, .alike = 0.8},
      {.seeds = 2, .images = 12, .of_seed = 0.03},
      {.seeds = 2, .images = 100, .alike = 0.5, .own = 0.4},
      {.seeds = 2, .images = 100, .right_a = 0.9, .right_b = 0.9, .of_seed = 0.03, .own = 1},
      {.seeds = 3, .images = 50, .of_seed = 0.1},
      {.seeds = 3, .images = 50, .right_a = 0.8, .right_b = 0.8, .of_seed = 0.05, .alike = 0.5, .own = 0.5},
  };
  for (const World& world : worlds) {
    constexpr double kMostOfFew = 0.08;  // 5 % with what chance adds over 400 draws
    const Told found = told(world, 400);
    const std::string which = std::to_string(&world - worlds);
    if (world.seeds > 1) {
      EXPECT_LE(found.by_pairs, kMostOfFew) << which;
    }
    EXPECT_LE(found.as_independent, kMostOfFew) << which;
    EXPECT_LE(found.with_answers, kMostOfFew) << which;
  }
}

TEST(Noise, TwoSeedsOnTwelveImagesAreNoCertainty) {
  // Both seeds of b have one image more right than those of a: a spread of 0.
  const std::vector<double> a{50, 100.0 * 7 / 12}, b{100.0 * 7 / 12, 100.0 * 8 / 12};
  EXPECT_TRUE(paired_difference(a, b).distinguishable()) << "by the seeds alone";
  const Difference images = sample_difference(spread_of(a)->mean, spread_of(b)->mean, 12, std::nullopt);
  const Difference all = with_test_images(paired_difference(a, b), images);
  EXPECT_NEAR(all.mean, 100.0 / 12, 1e-9);
  EXPECT_GT(all.half_width, 30);
  EXPECT_FALSE(all.distinguishable());
  EXPECT_EQ(all.images, 12);
  // The worst: what the images bring is the same for all seeds, so that these do not show it.
  const Told found = told({.seeds = 2, .images = 12, .own = 1}, 1000);
  EXPECT_LE(found.by_pairs, kMostFalse);
  EXPECT_LE(found.with_answers, kMostFalse);
}

TEST(Noise, NothingSeenIsNoCertaintyEither) {
  EXPECT_GT(sample_difference(100, 100, 12, std::nullopt).half_width, 5);
  EXPECT_GT(sample_difference(100, 100, 12, Discordant{0, 0}).half_width, 5);
}

TEST(RealDifference, IsFound) {
  const World clear{.seeds = 3, .images = 1000, .right_a = 0.7, .right_b = 0.82, .of_seed = 0.005};
  const Told found = told(clear, 200);
  EXPECT_GT(found.by_pairs, 0.95);
  EXPECT_GT(found.as_independent, 0.95);
  const Told one = told({.seeds = 1, .images = 1000, .right_a = 0.7, .right_b = 0.8}, 200);
  EXPECT_GT(one.as_independent, 0.95);
  // Answers that mostly agree leave less to chance: a difference that is lost among independent images.
  const Told alike = told({.seeds = 1, .images = 1000, .right_a = 0.70, .right_b = 0.73, .alike = 1}, 200);
  EXPECT_LT(alike.as_independent, 0.5);
  EXPECT_GT(alike.with_answers, 0.95);
}

}  // namespace
}  // namespace ghost
