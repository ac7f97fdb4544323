// The row kernels of every instruction set against the sentences in core/kernels/rows.h.
#include "core/kernels/rows.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

#include "core/error.h"
#include "core/kernels/isa.h"

namespace ghost {
namespace {

constexpr int64_t kWidths[] = {1, 2, 7, 300};
constexpr int64_t kChannels[] = {1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 24, 33, 64, 71, 100, 136, 200};
constexpr int64_t kGap = 5;  // steps exceed channels by this: what lies between must survive

template <class T>
struct Row {
  int64_t w, c, step;
  std::vector<T> values;
  Row(int64_t w_, int64_t c_, int64_t gap, std::mt19937& random)
      : w(w_), c(c_), step(c_ + gap), values(static_cast<size_t>(w_ * (c_ + gap))) {
    std::uniform_real_distribution<double> d(-2, 2);
    for (T& v : values) v = static_cast<T>(d(random));
  }
  T at(int64_t x, int64_t i) const { return values[static_cast<size_t>(x * step + i)]; }
};

template <class T>
void expect_close(T got, double want, const char* what, int64_t w, int64_t c) {
  const double tolerance = (sizeof(T) == 4 ? 1e-6 : 1e-14) * std::max(1.0, std::abs(want));
  ASSERT_NEAR(static_cast<double>(got), want, tolerance) << what << " w " << w << " c " << c << " " << isa_name();
}

template <class T>
void check_all() {
  const RowKernels<T>& k = rows<T>();
  std::mt19937 random(1);
  for (const int64_t gap : {int64_t{0}, kGap})
    for (const int64_t w : kWidths)
      for (const int64_t c : kChannels) {
        const Row<T> scale(1, c, 0, random), shift(1, c, 0, random), on_g(1, c, 0, random), on_raw(1, c, 0, random),
            offset(1, c, 0, random), mean(1, c, 0, random), raw(w, c, gap, random), g(w, c, gap, random);
        Row<T> floor(1, c, 0, random);
        floor.values[0] = -std::numeric_limits<T>::infinity();
        const RowTransform<T> t{scale.values.data(), shift.values.data(), floor.values.data()};
        const RowGradient<T> gt{t, on_g.values.data(), on_raw.values.data(), offset.values.data()};
        const auto affine = [&](int64_t x, int64_t i) {
          return std::fma(double(raw.at(x, i)), double(scale.at(0, i)), double(shift.at(0, i)));
        };
        const auto passed = [&](int64_t x, int64_t i) {
          return affine(x, i) > double(floor.at(0, i)) ? double(g.at(x, i)) : 0;
        };

        const Row<T> before(w, c, gap, random);
        for (const bool with : {false, true}) {
          Row<T> out = before;
          k.transform(out.values.data(), out.step, raw.values.data(), raw.step, w, c, with ? &t : nullptr);
          for (int64_t x = 0; x < w; x++)
            for (int64_t i = 0; i < out.step; i++)
              if (i >= c)
                ASSERT_EQ(out.at(x, i), before.at(x, i)) << "written beyond the channels";
              else
                expect_close(out.at(x, i), with ? std::max(affine(x, i), double(floor.at(0, i))) : double(raw.at(x, i)),
                             "transform", w, c);
          for (const bool accumulate : {false, true}) {
            out = before;
            k.gradient(out.values.data(), out.step, g.values.data(), g.step, with ? raw.values.data() : nullptr,
                       raw.step, w, c, with ? &gt : nullptr, accumulate);
            for (int64_t x = 0; x < w; x++)
              for (int64_t i = 0; i < out.step; i++)
                if (i >= c)
                  ASSERT_EQ(out.at(x, i), before.at(x, i)) << "written beyond the channels";
                else
                  expect_close(out.at(x, i),
                               (with ? double(on_g.at(0, i)) * passed(x, i) +
                                           double(on_raw.at(0, i)) * double(raw.at(x, i)) + double(offset.at(0, i))
                                     : double(g.at(x, i))) +
                                   (accumulate ? double(before.at(x, i)) : 0),
                               "gradient", w, c);
          }
        }

        const RowTransform<T> of_g{on_g.values.data(), offset.values.data(), floor.values.data()};
        Row<T> total = before;
        k.sum(total.values.data(), total.step, raw.values.data(), raw.step, t, g.values.data(), g.step, of_g, w, c);
        for (int64_t x = 0; x < w; x++)
          for (int64_t i = 0; i < total.step; i++) {
            if (i >= c) {
              ASSERT_EQ(total.at(x, i), before.at(x, i)) << "written beyond the channels";
              continue;
            }
            const double low = floor.at(0, i),
                         of_second = std::fma(double(g.at(x, i)), double(on_g.at(0, i)), double(offset.at(0, i)));
            expect_close(total.at(x, i), std::max(affine(x, i), low) + std::max(of_second, low), "sum", w, c);
          }

        std::vector<double> a(static_cast<size_t>(c), 1), b(a), want_a(a), want_b(a);
        k.sums(a.data(), b.data(), g.values.data(), g.step, raw.values.data(), raw.step, w, c, t, mean.values.data());
        for (int64_t x = 0; x < w; x++)
          for (int64_t i = 0; i < c; i++) {
            want_a[size_t(i)] += passed(x, i);
            want_b[size_t(i)] += passed(x, i) * (double(raw.at(x, i)) - double(mean.at(0, i)));
          }
        const double tolerance = (sizeof(T) == 4 ? 2e-6 : 1e-14) * double(w) * 4;
        for (size_t i = 0; i < a.size(); i++) {
          ASSERT_NEAR(a[i], want_a[i], tolerance) << w << " " << c << " " << isa_name();
          ASSERT_NEAR(b[i], want_b[i], tolerance) << w << " " << c << " " << isa_name();
        }

        a.assign(a.size(), 1), want_a = a;
        k.products(a.data(), g.values.data(), g.step, raw.values.data(), raw.step, w, c, t);
        for (int64_t x = 0; x < w; x++)
          for (int64_t i = 0; i < c; i++)
            want_a[size_t(i)] += double(g.at(x, i)) * std::max(affine(x, i), double(floor.at(0, i)));
        for (size_t i = 0; i < a.size(); i++)
          ASSERT_NEAR(a[i], want_a[i], tolerance) << w << " " << c << " " << isa_name();

        a.assign(a.size(), 1), b = want_a = want_b = a;
        k.statistics(a.data(), b.data(), mean.values.data(), raw.values.data(), raw.step, w, c);
        for (int64_t x = 0; x < w; x++)
          for (int64_t i = 0; i < c; i++) {
            const double d = double(raw.at(x, i)) - double(mean.at(0, i));
            want_a[size_t(i)] += d, want_b[size_t(i)] += d * d;
          }
        for (size_t i = 0; i < a.size(); i++) {
          ASSERT_NEAR(a[i], want_a[i], tolerance) << w << " " << c << " " << isa_name();
          ASSERT_NEAR(b[i], want_b[i], tolerance) << w << " " << c << " " << isa_name();
        }
      }
}

template <class T>
void check_blocks() {
  const RowKernels<T>& k = rows<T>();
  std::mt19937 random(2);
  const auto numbers = [&](int64_t n) { return Row<T>(n, 1, 0, random).values; };
  for (const int64_t h : {1, 3, 20})
    for (const int64_t w : kWidths)
      for (const int64_t c : kChannels)
        for (const int64_t gap : {int64_t{0}, kGap})          // between pixels
          for (const int64_t row_gap : {int64_t{0}, kGap}) {  // between rows
            const int64_t step = c + gap, row = w * step + row_gap;
            const auto scale = numbers(c), shift = numbers(c), floor = numbers(c), on_g = numbers(c),
                       on_raw = numbers(c), offset = numbers(c), raw = numbers(h * row), g = numbers(h * row),
                       before = numbers(h * (row + 2 * step));
            const RowTransform<T> t{scale.data(), shift.data(), floor.data()};
            const RowGradient<T> gt{t, on_g.data(), on_raw.data(), offset.data()};
            const PixelBlock<T> from_raw{raw.data(), row, step}, from_g{g.data(), row, step};
            const int64_t to_row = row + 2 * step;  // as when padding is left on both sides
            const auto same = [&](const char* what, auto together, auto one_by_one) {
              auto got = before, want = before;
              together(PixelRows<T>{got.data() + step, to_row, step});
              for (int64_t y = 0; y < h; y++) one_by_one(want.data() + y * to_row + step, y * row);
              ASSERT_EQ(got, want) << what << " h " << h << " w " << w << " c " << c << " " << isa_name();
            };
            for (const RowTransform<T>* of : {static_cast<const RowTransform<T>*>(nullptr), &t})
              same(
                  "transform_rows", [&](const PixelRows<T>& to) { k.transform_rows(to, from_raw, h, w, c, of); },
                  [&](T* to, int64_t at) { k.transform(to, step, raw.data() + at, step, w, c, of); });
            for (const bool accumulate : {false, true})
              same(
                  "gradient_rows",
                  [&](const PixelRows<T>& to) { k.gradient_rows(to, from_g, from_raw, h, w, c, gt, accumulate); },
                  [&](T* to, int64_t at) {
                    k.gradient(to, step, g.data() + at, step, raw.data() + at, step, w, c, &gt, accumulate);
                  });
          }
}

class EveryIsa : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { set_isa(GetParam()); }
  void TearDown() override { set_isa(before_); }
  std::string before_ = isa_name();
};

TEST_P(EveryIsa, RowsFollowTheirDefinitionInF32) { check_all<float>(); }
TEST_P(EveryIsa, RowsFollowTheirDefinitionInF64) { check_all<double>(); }

TEST_P(EveryIsa, RowsTogetherAreRowsOneByOne) {
  check_blocks<float>();
  check_blocks<double>();
}

TEST_P(EveryIsa, TransformKeepsANaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> one(33, 1), zero(33, 0), in(33, nan);
  std::vector<float> out(33, 0);
  const RowTransform<float> relu{one.data(), zero.data(), zero.data()};
  rows<float>().transform(out.data(), 33, in.data(), 33, 1, 33, &relu);
  for (const float v : out) EXPECT_TRUE(std::isnan(v));
}

TEST_P(EveryIsa, GradientMayBeWrittenOverItsSource) {
  const int64_t w = 9, c = 21;
  std::vector<double> one(21, 1), zero(21, 0), raw(w * c), g(w * c, 3);
  for (size_t i = 0; i < raw.size(); i++) raw[i] = i % 2 ? 1 : -1;
  const RowGradient<double> relu{{one.data(), zero.data(), zero.data()}, one.data(), zero.data(), zero.data()};
  rows<double>().gradient(g.data(), c, g.data(), c, raw.data(), c, w, c, &relu, false);
  for (size_t i = 0; i < g.size(); i++) EXPECT_EQ(g[i], i % 2 ? 3 : 0);
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryIsa, testing::ValuesIn(available_isas()), [](const auto& i) { return i.param; });

TEST(Isa, ABadChoiceNamesThePossibleOnes) {
  try {
    set_isa("sse9");
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("\"sse9\" is not an instruction set; possible here: "), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("baseline"), std::string::npos);
  }
}

}  // namespace
}  // namespace ghost
