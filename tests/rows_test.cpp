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

// With a ceiling: some channels have none, some have one below their floor.
template <class T>
void check_all(bool with_ceiling) {
  const RowPasses<T>& k = passes<T>();
  std::mt19937 random(1);
  for (const int64_t gap : {int64_t{0}, kGap})
    for (const int64_t w : kWidths)
      for (const int64_t c : kChannels) {
        const Row<T> scale(1, c, 0, random), shift(1, c, 0, random), on_g(1, c, 0, random), on_raw(1, c, 0, random),
            offset(1, c, 0, random), mean(1, c, 0, random), raw(w, c, gap, random), g(w, c, gap, random);
        Row<T> floor(1, c, 0, random);
        floor.values[0] = -std::numeric_limits<T>::infinity();
        Row<T> ceiling(1, c, 0, random);
        for (int64_t i = 0; i < c; i++)
          if (!with_ceiling || i % 3 == 1) ceiling.values[static_cast<size_t>(i)] = std::numeric_limits<T>::infinity();
        const T* const ceilings = with_ceiling ? ceiling.values.data() : nullptr;
        const RowTransform<T> t{scale.values.data(), shift.values.data(), floor.values.data(), ceilings};
        const RowGradient<T> gt{t, on_g.values.data(), on_raw.values.data(), offset.values.data()};
        const auto affine = [&](int64_t x, int64_t i) {
          return std::fma(double(raw.at(x, i)), double(scale.at(0, i)), double(shift.at(0, i)));
        };
        const auto bounded = [&](double v, int64_t i) {
          return std::min(std::max(v, double(floor.at(0, i))), double(ceiling.at(0, i)));
        };
        const auto passed = [&](int64_t x, int64_t i) {
          const double v = affine(x, i);
          return v > double(floor.at(0, i)) && v < double(ceiling.at(0, i)) ? double(g.at(x, i)) : 0;
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
                expect_close(out.at(x, i), with ? bounded(affine(x, i), i) : double(raw.at(x, i)), "transform", w, c);
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
            expect_close(total.at(x, i), bounded(affine(x, i), i) + std::max(of_second, low), "sum", w, c);
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
          for (int64_t i = 0; i < c; i++) want_a[size_t(i)] += double(g.at(x, i)) * bounded(affine(x, i), i);
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
  const RowPasses<T>& k = passes<T>();
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
            const RowTransform<T> t{scale.data(), shift.data(), floor.data(), row_gap ? on_raw.data() : nullptr};
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
                  "stage", [&](const PixelRows<T>& to) { k.stage(to, from_raw, h, w, c, of); },
                  [&](T* to, int64_t at) { k.transform(to, step, raw.data() + at, step, w, c, of); });
            same(
                "stage_gradient", [&](const PixelRows<T>& to) { k.stage_gradient(to, from_g, from_raw, h, w, c, gt); },
                [&](T* to, int64_t at) {
                  k.gradient(to, step, g.data() + at, step, raw.data() + at, step, w, c, &gt, false);
                });
          }
}

class EveryIsa : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { set_isa(GetParam()); }
  void TearDown() override { set_isa(before_); }
  std::string before_ = isa_name();
};

TEST_P(EveryIsa, RowsFollowTheirDefinitionInF32) {
  for (const bool ceiling : {false, true}) check_all<float>(ceiling);
}
TEST_P(EveryIsa, RowsFollowTheirDefinitionInF64) {
  for (const bool ceiling : {false, true}) check_all<double>(ceiling);
}

struct Definition {
  RowFunction function;
  const char* name;
  double (*value)(double);
  double (*slope)(double);  // of the input
  bool of_value, pends;     // the kernel's slope is a function of the value; it has sums and products
  double lo, hi;
};
double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double below(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0)); }
double clipped(double x) { return std::min(std::max(x + 3, 0.0), 6.0) / 6; }
const Definition kDefinitions[] = {
    {RowFunction::hard_sigmoid, "hard_sigmoid", clipped, [](double x) { return x > -3 && x < 3 ? 1.0 / 6 : 0; }, false,
     false, -5, 5},
    {RowFunction::hardswish, "hardswish", [](double x) { return x * clipped(x); },
     [](double x) { return x < -3   ? 0
                           : x <= 3 ? x / 3 + 0.5
                                    : 1; }, false, true, -5, 5},
    {RowFunction::silu, "silu", [](double x) { return x * logistic(x); },
     [](double x) { return logistic(x) * (1 + x * (1 - logistic(x))); }, false, true, -20, 20},
    {RowFunction::gelu, "gelu", [](double x) { return x * below(x); },
     [](double x) { return below(x) + x * density(x); }, false, false, -12, 12},
    {RowFunction::sigmoid, "sigmoid", logistic, [](double x) { return logistic(x) * (1 - logistic(x)); }, true, false,
     -20, 20},
    {RowFunction::exp, "exp", [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }, true, false,
     -20, 20},
    {RowFunction::log, "log", [](double x) { return std::log(x); }, [](double x) { return 1 / x; }, false, false, 0.01,
     20},
    {RowFunction::sqrt, "sqrt", [](double x) { return std::sqrt(x); }, [](double x) { return 0.5 / std::sqrt(x); },
     true, false, 0.01, 20},
};

// raw·scale + shift is raw itself here, so that rounding before the function does not count.
template <class T>
void check_functions() {
  const RowPasses<T>& k = passes<T>();
  std::mt19937 random(3);
  const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;
  for (const Definition& d : kDefinitions)
    for (const int64_t w : {1, 2, 300})
      for (const int64_t c : kChannels) {
        Row<T> raw(w, c, kGap, random);
        for (T& v : raw.values) v = static_cast<T>(d.lo + (d.hi - d.lo) * (double(v) + 2) / 4);
        const Row<T> g(w, c, kGap, random), before(w, c, kGap, random), mean(1, c, 0, random);
        const std::vector<T> one(size_t(c), 1), zero(size_t(c), 0), low(size_t(c), -std::numeric_limits<T>::infinity());
        const RowTransform<T> t{one.data(), zero.data(), low.data(), nullptr, d.function};
        Row<T> out = before;
        k.transform(out.values.data(), out.step, raw.values.data(), raw.step, w, c, &t);
        for (int64_t x = 0; x < w; x++)
          for (int64_t i = 0; i < out.step; i++) {
            const double want = i < c ? d.value(double(raw.at(x, i))) : double(before.at(x, i));
            ASSERT_NEAR(double(out.at(x, i)), want, tolerance * (1e-3 + std::abs(want)))
                << d.name << " of " << raw.at(x, i) << " " << isa_name();
          }
        const Row<T>& kept = d.of_value ? out : raw;
        const auto passed = [&](int64_t x, int64_t i) { return double(g.at(x, i)) * d.slope(double(raw.at(x, i))); };
        const RowGradient<T> gt{t, one.data(), zero.data(), zero.data()};
        for (const bool accumulate : {false, true}) {
          Row<T> to = before;
          k.gradient(to.values.data(), to.step, g.values.data(), g.step, kept.values.data(), kept.step, w, c, &gt,
                     accumulate);
          for (int64_t x = 0; x < w; x++)
            for (int64_t i = 0; i < c; i++)
              expect_close(to.at(x, i), passed(x, i) + (accumulate ? double(before.at(x, i)) : 0), d.name, w, c);
        }
        if (!d.pends) continue;
        std::vector<double> sum(size_t(c), 0), centred = sum, product = sum, want = sum, want_centred = sum,
                                               want_product = sum;
        k.sums(sum.data(), centred.data(), g.values.data(), g.step, raw.values.data(), raw.step, w, c, t,
               mean.values.data());
        k.products(product.data(), g.values.data(), g.step, raw.values.data(), raw.step, w, c, t);
        for (int64_t x = 0; x < w; x++)
          for (int64_t i = 0; i < c; i++) {
            want[size_t(i)] += passed(x, i);
            want_centred[size_t(i)] += passed(x, i) * (double(raw.at(x, i)) - double(mean.at(0, i)));
            want_product[size_t(i)] += double(g.at(x, i)) * d.value(double(raw.at(x, i)));
          }
        const double allowed = tolerance * double(w) * 40;  // values up to 20, gradients up to 2
        for (size_t i = 0; i < sum.size(); i++) {
          ASSERT_NEAR(sum[i], want[i], allowed) << d.name;
          ASSERT_NEAR(centred[i], want_centred[i], allowed) << d.name;
          ASSERT_NEAR(product[i], want_product[i], allowed) << d.name;
        }
      }
}

TEST_P(EveryIsa, FunctionsFollowTheirDefinitionInF32) { check_functions<float>(); }
TEST_P(EveryIsa, FunctionsFollowTheirDefinitionInF64) { check_functions<double>(); }

// The exponential over all of its range, each result to two units in its last place; where it is denormal, to one of
// the smallest number.
TEST_P(EveryIsa, TheExponentialIsRightToTheLastDigits) {
  std::vector<float> x;
  for (float v = -110; v < 89; v += 0.0137F) x.push_back(v);
  for (const float v : {0.0F, -0.0F, 88.7228F, 88.73F, 1e30F, -1e30F, INFINITY, -INFINITY}) x.push_back(v);
  const auto n = static_cast<int64_t>(x.size());
  const std::vector<float> one(x.size(), 1), zero(x.size(), 0), low(x.size(), -INFINITY);
  const RowTransform<float> t{one.data(), zero.data(), low.data(), nullptr, RowFunction::exp};
  std::vector<float> y(x.size());
  passes<float>().transform(y.data(), n, x.data(), n, 1, n, &t);
  for (size_t i = 0; i < x.size(); i++) {
    const double want = std::exp(double(x[i]));
    if (want > double(std::numeric_limits<float>::max()))
      EXPECT_EQ(y[i], INFINITY) << x[i];
    else
      EXPECT_NEAR(double(y[i]), want, std::max(want * 0x1p-22, 0x1p-149)) << x[i];
  }
}

TEST_P(EveryIsa, RowsTogetherAreRowsOneByOne) {
  check_blocks<float>();
  check_blocks<double>();
}

TEST_P(EveryIsa, TransformKeepsANaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> one(33, 1), zero(33, 0), six(33, 6), in(33, nan);
  const RowTransform<float> relu{one.data(), zero.data(), zero.data()};
  std::vector<RowTransform<float>> all{relu, {one.data(), zero.data(), zero.data(), six.data()}};
  for (const Definition& d : kDefinitions)
    all.push_back({one.data(), zero.data(), zero.data(), six.data(), d.function});
  for (const RowTransform<float>& t : all) {
    std::vector<float> out(33, 0);
    passes<float>().transform(out.data(), 33, in.data(), 33, 1, 33, &t);
    for (const float v : out) EXPECT_TRUE(std::isnan(v)) << static_cast<int>(t.function);
  }
}

// A gradient at a bound itself is 0.
TEST_P(EveryIsa, GradientsPassStrictlyBetweenTheBounds) {
  const std::vector<double> one(5, 1), zero(5, 0), six(5, 6), raw{-1, 0, 3, 6, 7}, g(5, 2);
  const RowGradient<double> relu6{
      {one.data(), zero.data(), zero.data(), six.data()}, one.data(), zero.data(), zero.data()};
  std::vector<double> out(5, 1);
  passes<double>().gradient(out.data(), 5, g.data(), 5, raw.data(), 5, 1, 5, &relu6, false);
  EXPECT_EQ(out, (std::vector<double>{0, 0, 2, 0, 0}));
}

TEST_P(EveryIsa, GradientMayBeWrittenOverItsSource) {
  const int64_t w = 9, c = 21;
  std::vector<double> one(21, 1), zero(21, 0), raw(w * c), g(w * c, 3);
  for (size_t i = 0; i < raw.size(); i++) raw[i] = i % 2 ? 1 : -1;
  const RowGradient<double> relu{{one.data(), zero.data(), zero.data()}, one.data(), zero.data(), zero.data()};
  passes<double>().gradient(g.data(), c, g.data(), c, raw.data(), c, w, c, &relu, false);
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
