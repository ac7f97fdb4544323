#include "train/inspect/redundancy.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ops/conv2d.h"
#include "core/ops/shape_ops.h"
#include "support/modules.h"

namespace ghost {
namespace {

using test::error_of;
using test::random_tensor;
using testing::HasSubstr;

// Maps as columns of a table of pixels: (1, 1, pixels, maps).
Tensor table(const std::vector<std::vector<double>>& maps) {
  std::vector<double> values;
  for (size_t p = 0; p < maps[0].size(); p++)
    for (const auto& map : maps) values.push_back(map[p]);
  return Tensor::from<double>(values, {1, 1, std::ssize(maps[0]), std::ssize(maps)});
}

FilterFits fit_one(const Tensor& maps, int64_t kernel) { return fit_all_pairs(maps, std::array{kernel})[0]; }

// With one weight the closed form is w = ⟨x, y⟩/⟨x, x⟩, and the error |y|² − ⟨x, y⟩²/⟨x, x⟩.
TEST(Redundancy, OneWeightIsTheProjection) {
  const std::vector<double> x{1, 2, -1, 0.5, 3, -2}, y{2, 1, 0, 1, 4, -1};
  double xx = 0, xy = 0, yy = 0;
  for (size_t i = 0; i < x.size(); i++) xx += x[i] * x[i], xy += x[i] * y[i], yy += y[i] * y[i];
  const Tensor maps = table({x, y});
  const FilterFits fits = fit_one(maps, 1);
  EXPECT_NEAR(fits.mse(0, 1), (yy - xy * xy / xx) / 6, 1e-9);
  EXPECT_NEAR(fits.mse(1, 0), (xx - xy * xy / yy) / 6, 1e-9);
  EXPECT_EQ(fits.mse(0, 0), 0);
  const PairFit pair = fit_pair(maps, 0, 1, 1);
  EXPECT_NEAR(pair.filter[0], xy / xx, 1e-9);
  EXPECT_NEAR(pair.mse, fits.mse(0, 1), 1e-9);
}

// A row of three weights on one impulse: what the taps see is y itself, and what they do not see stays.
TEST(Redundancy, AnImpulseGivesTheFilterPixelByPixel) {
  const std::vector<double> impulse{0, 0, 1, 0, 0, 0}, y{5, 3, 7, -2, 0, 1};
  const PairFit pair = fit_pair(table({impulse, y}), 0, 1, 3);
  // out(p) = Σ_k w(k) x(p + k − 1): the weight on the left meets the impulse at the pixel on its right.
  EXPECT_NEAR(pair.filter[3 + 0], -2, 1e-8);
  EXPECT_NEAR(pair.filter[3 + 1], 7, 1e-8);
  EXPECT_NEAR(pair.filter[3 + 2], 3, 1e-8);
  EXPECT_NEAR(pair.mse, (25.0 + 0 + 1) / 6, 1e-8);
  EXPECT_NEAR(pair.predicted[1], 3, 1e-8);
}

TEST(Redundancy, FindsTheDepthwiseFilterThatMadeAMap) {
  for (const int64_t kernel : {1, 3, 5, 7}) {
    const Tensor x = random_tensor({2, 12, 11, 1}, 1, DType::f64);
    const Tensor weight = random_tensor({1, kernel, kernel, 1}, 2, DType::f64);
    const Tensor y = conv2d(x, weight, {}, {.padding = {kernel / 2, kernel / 2}});
    const Tensor maps = cat({x, y, random_tensor({2, 12, 11, 1}, 3, DType::f64)});
    const PairFit pair = fit_pair(maps, 0, 1, kernel);
    const auto expected = weight.to_vector<double>();
    for (size_t i = 0; i < expected.size(); i++) EXPECT_NEAR(pair.filter[i], expected[i], 1e-6) << kernel;
    const FilterFits fits = fit_one(maps, kernel);
    EXPECT_LT(fits.unexplained(0, 1), 1e-9) << kernel;
    EXPECT_GT(fits.unexplained(0, 2), 0.3) << kernel;
  }
}

TEST(Redundancy, ALargerFilterNeverFitsWorse) {
  const Tensor maps = random_tensor({1, 16, 16, 6}, 4);
  const std::vector<FilterFits> all = fit_all_pairs(maps, std::array<int64_t, 4>{1, 3, 5, 7});
  for (size_t k = 1; k < all.size(); k++)
    for (size_t i = 0; i < all[k].error.size(); i++) EXPECT_LE(all[k].error[i], all[k - 1].error[i] + 1e-9);
  const PairFit pair = fit_pair(maps, 2, 5, 5);
  EXPECT_NEAR(pair.mse, all[2].mse(2, 5), 1e-9);
}

TEST(Redundancy, ConstantAndSwitchedOffMapsNeedNoFilter) {
  const std::vector<double> zero(40, 0), one(40, 1);
  std::vector<double> wave;
  for (int i = 0; i < 40; i++) wave.push_back(std::sin(0.7 * i));
  const FilterFits fits = fit_one(table({zero, one, wave}), 3);
  EXPECT_TRUE(fits.constant(0) && fits.constant(1) && !fits.constant(2));
  EXPECT_EQ(fits.unexplained(2, 0), 0);
  EXPECT_GT(fits.unexplained(0, 2), 0.9);  // nothing comes of nothing
  const GhostRatio b = ghost_ratio(fits, 0.1);
  EXPECT_EQ(b.constant, 2);
  EXPECT_EQ(b.predicted, 2);
  EXPECT_EQ(b.intrinsic, std::vector<int64_t>{2});
  EXPECT_EQ(b.ratio, 3);
}

TEST(Redundancy, TheRatioCountsTheMapsFromWhichTheOthersFollow) {
  const Tensor a = random_tensor({1, 20, 20, 1}, 5, DType::f64), b = random_tensor({1, 20, 20, 1}, 6, DType::f64);
  const auto filtered = [](const Tensor& x, uint64_t seed) {
    return conv2d(x, random_tensor({1, 3, 3, 1}, seed, DType::f64), {}, {.padding = {1, 1}});
  };
  // Each of the four others follows from a or b, which follow from none.
  const Tensor maps = cat({a, filtered(a, 7), b, filtered(a, 8), filtered(b, 9), filtered(b, 10)});
  const GhostRatio with = ghost_ratio(fit_one(maps, 3), 1e-6);
  EXPECT_EQ(with.intrinsic, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(with.predicted, 4);
  EXPECT_DOUBLE_EQ(with.share, 4.0 / 6);
  EXPECT_DOUBLE_EQ(with.ratio, 3);
  const GhostRatio without = ghost_ratio(fit_one(maps, 1), 1e-6);
  EXPECT_EQ(without.intrinsic.size(), 6u);
  EXPECT_EQ(without.ratio, 1);
}

TEST(Redundancy, SaysWhenAFilterHasTooFewPixelsToFit) {
  EXPECT_FALSE(meaningful(5, 7 * 7));
  EXPECT_TRUE(meaningful(3, 7 * 7));
}

TEST(Redundancy, RefusesWhatIsNoFilterAndNoMap) {
  const Tensor maps = random_tensor({1, 8, 8, 2}, 1);
  EXPECT_EQ(error_of([&] { fit_one(maps, 4); }),
            "redundancy: kernel=4, but must be odd and from 1 to 31; nearest valid: 3 or 5");
  EXPECT_THAT(error_of([&] { fit_one(maps, 0); }), HasSubstr("nearest valid: 1"));
  EXPECT_THAT(error_of([&] { fit_one(random_tensor({8, 8}, 1), 3); }), HasSubstr("(N, H, W, C)"));
  EXPECT_THAT(error_of([&] { fit_one(Tensor::full({1, 4, 4, 2}, std::nan("")), 3); }), HasSubstr("not finite"));
  EXPECT_THAT(error_of([&] { fit_pair(maps, 0, 2, 3); }), HasSubstr("there are 0 to 1"));
}

}  // namespace
}  // namespace ghost
