// Every convolution kernel of every instruction set against the reference loops, alone and between operators that leave
// transforms pending.
#include "core/ops/conv2d.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/kernels/conv2d.h"
#include "core/kernels/isa.h"
#include "core/kernels/rows.h"
#include "core/memory.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/shape_ops.h"
#include "support/kernels.h"
#include "support/op_units.h"
#include "support/programs.h"

namespace ghost::test {
namespace {

using testing::HasSubstr;

Outcome reference(const Program& program, const std::vector<Tensor>& inputs) {
  const Kernel kernel("reference");
  const Folding plain(false);
  return run(program, inputs);
}
std::vector<std::string> fast_kernels() {
  std::vector<std::string> names = conv2d_kernels();
  std::erase(names, "reference");
  return names;
}

constexpr double kF64 = 1e-12;  // sums in another order
constexpr double kF32 = 1e-5;   // some hundred products, each rounded to 2⁻²⁴

struct Case {
  OpCase op;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.op.name; }
std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (OpCase& c : cases_of("conv2d")) cases.push_back({std::move(c)});
  return cases;
}

class Conv2dKernels : public testing::TestWithParam<Case> {
 protected:
  const OpCase& op() const { return GetParam().op; }
  // f(kernel, ISA) with both in force
  template <class F>
  void for_kernels(F f) {
    for (const std::string& kernel : fast_kernels())
      for (const std::string& isa : available_isas()) {
        if (kernel == "gemm" && isa != isa_name()) continue;  // BLAS chooses for itself
        SCOPED_TRACE(kernel + " " + isa);
        const Kernel forced(kernel);
        const Isa set(isa);
        const PoisonedMemory poison;
        f();
      }
  }
};

TEST_P(Conv2dKernels, AgreeWithTheReference) {
  for (const DType dtype : {DType::f64, DType::f32}) {
    const std::vector<Tensor> in = inputs_of(op(), dtype);
    const Outcome expected = reference(op().run, in);
    for_kernels([&] { expect_close(run(op().run, in), expected, dtype == DType::f64 ? kF64 : kF32); });
  }
}

// Products of pairs round the weights as well.
TEST_P(Conv2dKernels, StoreAsBf16) {
  std::vector<Tensor> narrow = inputs_of(op(), DType::f32), wide;
  narrow[0] = narrow[0].to(DType::bf16);
  for (const Tensor& t : narrow) wide.push_back(t.to(DType::f64));
  const Outcome expected = reference(op().run, wide);
  for_kernels([&] { expect_close(run(op().run, narrow), expected, 0x1p-7); });
}

// Between two batch norms and ReLUs: values and gradients arrive with transforms that staging applies, and the
// epilogues take statistics and sums.
TEST_P(Conv2dKernels, FoldWhatIsPending) {
  std::vector<Tensor> in = inputs_of(op());
  const size_t own = in.size();
  const int64_t channels = in[0].shape().channels(), out = in[1].size(0);
  in.push_back(random_tensor({channels}, "gamma", 0.5, 1.5)), in.push_back(random_tensor({channels}, "beta"));
  in.push_back(random_tensor({out}, "gamma", 0.5, 1.5)), in.push_back(random_tensor({out}, "beta"));
  const Program block = [&](const std::vector<Tensor>& t) {
    std::vector<Tensor> args(t.begin(), t.begin() + static_cast<int64_t>(own));
    args[0] = relu(batch_norm(t[0], t[own], t[own + 1], {}));
    // 0.1 keeps the normalisation of maps of a single constant well behaved
    return relu(batch_norm(op().run(args), t[own + 2], t[own + 3], {}, {.eps = 0.1}));
  };
  const Outcome expected = reference(block, in);
  for (const bool fold : {true, false})
    for_kernels([&] {
      const Folding setting(fold);
      expect_close(run(block, in), expected, 1e-10);
    });
}

TEST_P(Conv2dKernels, ReadSlicesAndAddToGradientsThatAreSlices) {
  std::vector<Tensor> in = inputs_of(op());
  const Shape x = in[0].shape();
  Shape sides = x;
  sides[-1] = 3;
  in.push_back(random_tensor(sides, "side"));
  const Program program = [&](const std::vector<Tensor>& t) {
    std::vector<Tensor> args = t;
    args.pop_back();
    const Tensor wide = cat({t.back(), t[0], t.back()});
    args[0] = slice_channels(wide, 3, x.channels());
    const Tensor y = op().run(args);
    args[0] = t[0];  // a second consumer of x
    return cat({y, op().run(args)});
  };
  const Outcome expected = reference(program, in);
  for_kernels([&] { expect_close(run(program, in), expected, kF64); });
}

TEST_P(Conv2dKernels, GiveTheSameBitsOnAnyNumberOfThreads) {
  const std::vector<Tensor> in = inputs_of(op(), DType::f32);
  for_kernels([&] {
    Outcome one;
    {
      const Threads threads(1);
      one = run(op().run, in);
    }
    for (const int n : {2, 5}) {
      const Threads threads(n);
      const Outcome many = run(op().run, in);
      EXPECT_EQ(many.y, one.y);
      EXPECT_EQ(many.gradients, one.gradients);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Cases, Conv2dKernels, testing::ValuesIn(all_cases()),
                         [](const auto& i) { return i.param.op.name; });

// ---- sizes that are cut into several blocks and chunks

struct Large {
  const char* name;
  Shape x, weight;
  Conv2dOptions options;
};
void PrintTo(const Large& c, std::ostream* out) { *out << c.name; }

class LargeConv2d : public testing::TestWithParam<Large> {
 protected:
  static std::vector<std::pair<std::string, std::string>> kernels_and_isas() {
    std::vector<std::pair<std::string, std::string>> all;
    for (const char* kernel : {"rows", "winograd"})
      for (const std::string& isa : available_isas()) all.emplace_back(kernel, isa);
    return all;
  }
};

TEST_P(LargeConv2d, KernelsAgreeOnAnyNumberOfThreads) {
  const Large& c = GetParam();
  for (const DType dtype : {DType::f64, DType::f32}) {
    // In exact arithmetic batch_norm lets no gradient through to a bias; what f32 makes of that is rounding alone.
    const bool bias = dtype == DType::f64;
    const auto program = [&](const std::vector<Tensor>& t) {
      const Tensor x = relu(batch_norm(t[0], t[2], t[3], {}));
      return batch_norm(conv2d(x, t[1], bias ? t[6] : Tensor(), c.options), t[4], t[5], {});
    };
    const int64_t in = c.x.channels(), out = c.weight[0];
    const auto random = [&](const Shape& s, const char* name, double lo, double hi) {
      return random_tensor(s, name, lo, hi, dtype);
    };
    std::vector<Tensor> inputs{random(c.x, "x", -1, 1),        random(c.weight, "w", -0.2, 0.2),
                               random({in}, "gamma", 0.5, 2),  random({in}, "beta", -1, 1),
                               random({out}, "gamma", 0.5, 2), random({out}, "beta", -1, 1)};
    if (bias) inputs.push_back(random({out}, "b", -1, 1));
    Outcome expected;
    {
      const Kernel other("gemm");
      expected = run(program, inputs);
    }
    for (const auto& [kernel, isa] : kernels_and_isas()) {
      SCOPED_TRACE(kernel + " " + isa);
      const Isa set(isa);
      const Kernel forced(kernel);
      const PoisonedMemory poison;
      Outcome first;
      {
        const Threads one(1);
        first = run(program, inputs);
      }
      // gradients are sums over up to 10⁴ pixels
      expect_close(first, expected, dtype == DType::f64 ? 1e-10 : 2e-4);
      const Threads three(3);
      const Outcome many = run(program, inputs);
      EXPECT_EQ(many.y, first.y);
      EXPECT_EQ(many.gradients, first.gradients);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LargeConv2d,
    testing::Values(
        Large{"one_large_image", {1, 97, 53, 12}, {20, 3, 3, 12}, {.stride = {2, 2}, .padding = {1, 1}}},
        Large{"rows_wider_than_the_scratch", {1, 24, 400, 24}, {24, 3, 3, 24}, {.padding = {1, 1}}},
        Large{"pixels_with_a_remainder", {17, 7, 11, 24}, {40, 1, 1, 24}, {}},
        Large{"strided_pointwise", {5, 31, 29, 16}, {24, 1, 1, 16}, {.stride = {2, 2}}},
        Large{"depthwise_k5", {4, 40, 33, 36}, {36, 5, 5, 1}, {.padding = {2, 2}, .groups = 36}},
        Large{"depthwise_s2", {4, 41, 33, 20}, {20, 3, 3, 1}, {.stride = {2, 2}, .padding = {1, 1}, .groups = 20}},
        Large{"multiplier", {3, 40, 31, 24}, {72, 3, 3, 1}, {.padding = {1, 1}, .groups = 24}},
        Large{"pointwise_multiplier", {3, 20, 31, 8}, {16, 1, 1, 1}, {.groups = 8}},
        Large{"grouped", {3, 33, 17, 32}, {48, 3, 3, 8}, {.stride = {2, 1}, .padding = {1, 1}, .groups = 4}},
        Large{"groups_of_4", {3, 33, 17, 40}, {40, 3, 3, 4}, {.padding = {1, 1}, .groups = 10}},
        Large{"groups_of_8", {3, 33, 17, 40}, {40, 3, 3, 8}, {.stride = {2, 2}, .padding = {1, 1}, .groups = 5}},
        Large{"pointwise_groups_of_8", {3, 13, 17, 40}, {40, 1, 1, 8}, {.groups = 5}},
        Large{"ragged_tiles", {3, 23, 30, 40}, {36, 3, 3, 40}, {.padding = {1, 1}}},
        Large{"small_maps", {37, 4, 6, 48}, {33, 3, 3, 48}, {.padding = {1, 1}}},
        Large{"many_channels", {2, 5, 5, 150}, {170, 3, 3, 150}, {.padding = {1, 1}}},
        Large{"weights_in_parts", {1, 4, 5, 400}, {384, 3, 3, 400}, {.padding = {1, 1}}}),
    [](const auto& i) { return i.param.name; });

TEST(Conv2d, StagesALargeImageInParts) {
  const NoGrad no_grad;
  const Kernel rows("rows");
  const Tensor x = random_tensor({1, 224, 224, 64}, "x", -1, 1, DType::f32);
  const Tensor w = random_tensor({8, 3, 3, 64}, "w", -1, 1, DType::f32);
  conv2d(x, w, {}, {.padding = {1, 1}});
  const int64_t before = memory_stats().bytes_in_use;
  reset_peak_memory();
  const Tensor y = conv2d(x, w, {}, {.padding = {1, 1}});
  const int64_t result = y.numel() * 4, image = x.numel() * 4;
  EXPECT_LT(memory_stats().peak_bytes_in_use - before - result, image / 8);
}

TEST(Conv2d, StatisticsKeepTheirDigitsWhereTheMeanIsLarge) {
  // z = 1000 + x: a variance of 1/12 from f32 sums of squares would have no correct digit
  const Tensor x = random_tensor({8, 16, 16, 4}, "x", 0, 1, DType::f32);
  const Tensor w = Tensor::from<float>({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, {4, 1, 1, 4});
  const Tensor b = Tensor::full({4}, 1000);
  const Kernel rows("rows");
  const Folding fold(true);
  const Tensor z = conv2d(x, w, b);
  ASSERT_TRUE(z.body()->statistics);
  const std::vector<double> values = z.to_vector<double>();
  for (size_t c = 0; c < 4; c++) {
    double mean = 0, m2 = 0;
    const double n = 8 * 16 * 16;
    for (size_t i = c; i < values.size(); i += 4) mean += values[i] / n;
    for (size_t i = c; i < values.size(); i += 4) m2 += (values[i] - mean) * (values[i] - mean);
    EXPECT_EQ(z.body()->statistics->count, n);
    EXPECT_NEAR(z.body()->statistics->mean[c], mean, 1e-6);
    EXPECT_NEAR(z.body()->statistics->m2[c] / m2, 1, 1e-4);
  }
}

TEST(Conv2d, TakesStatisticsOnlyForTrainingAndFolding) {
  const Kernel rows("rows");
  const Tensor x = random_tensor({2, 4, 4, 3}, "x"), w = random_tensor({5, 3, 3, 3}, "w");
  {
    const Folding plain(false);
    EXPECT_FALSE(conv2d(x, w).body()->statistics);
  }
  const Folding fold(true);
  EXPECT_TRUE(conv2d(x, w).body()->statistics);
  const NoGrad no_grad;
  EXPECT_FALSE(conv2d(x, w).body()->statistics);
}

// ---- inputs in parts

TEST(Conv2d, ReadsAnInputInPartsWithoutACopyAndGivesEachItsGradient) {
  struct Reader {
    const char* name;
    Shape weight;
    Conv2dOptions options;
  };
  const Reader readers[] = {{"pointwise", {6, 1, 1, 20}, {}},
                            {"dense", {8, 3, 3, 20}, {.padding = {1, 1}}},
                            {"strided", {5, 3, 3, 20}, {.stride = {2, 2}, .padding = {1, 1}}},
                            {"depthwise", {20, 5, 5, 1}, {.stride = {2, 2}, .padding = {2, 2}, .groups = 20}},
                            {"multiplier", {40, 3, 3, 1}, {.padding = {1, 1}, .groups = 20}},
                            {"grouped", {10, 3, 3, 4}, {.padding = {1, 1}, .groups = 5}},
                            {"groups_of_4", {20, 3, 3, 4}, {.padding = {1, 1}, .groups = 5}}};
  for (const std::string& kernel : conv2d_kernels())
    for (const Reader& c : readers) {
      SCOPED_TRACE(kernel + " " + c.name);
      const Kernel forced(kernel);
      const PoisonedMemory poison;
      const auto a = random_tensor({2, 6, 9, 8}, "a").set_requires_grad();
      const auto b = random_tensor({2, 6, 9, 12}, "b").set_requires_grad();
      const auto w = random_tensor(c.weight, "w").set_requires_grad();
      const auto gradients = [&](const Tensor& x, int times) {
        for (Tensor t : {a, b, w}) t.clear_grad();
        Tensor y = conv2d(x, w, {}, c.options);
        for (int i = 1; i < times; i++) y = y + conv2d(x, w, {}, c.options);
        y.backward(upstream(y.shape(), y.dtype()));
        return gradients_of({a, b, w});
      };
      for (const int times : {1, 2}) {  // assigned, and added to
        const Tensor parts = cat({a, b});
        ASSERT_TRUE(!folding() || parts.body()->raw.in_parts());
        const auto got = gradients(parts, times);
        const bool in_place = kernel == "rows" && c.weight[1] > 1;
        EXPECT_FALSE(in_place && parts.body()->materialised);
        const auto expected = gradients(cat({a, b}) * Tensor::full({}, 1, DType::f64), times);
        for (size_t i = 0; i < 3; i++) expect_close(got[i], expected[i], kF64, "gradient");
      }
    }
}

// ---- edges

TEST(Conv2d, ABatchOfNoneHasNoPixelsAndGivesZeroGradients) {
  for (const std::string& kernel : conv2d_kernels())
    for (const int64_t size : {1, 3}) {
      SCOPED_TRACE(kernel);
      const Kernel forced(kernel);
      const PoisonedMemory poison;
      const auto x = Tensor::zeros({0, 5, 5, 4}, DType::f64).set_requires_grad();
      const auto w = random_tensor({6, size, size, 4}, "w").set_requires_grad();
      const auto b = random_tensor({6}, "b").set_requires_grad();
      const Tensor y = conv2d(x, w, b, {.padding = {size / 2, size / 2}});
      EXPECT_EQ(y.shape(), (Shape{0, 5, 5, 6}));
      y.backward(Tensor::zeros(y.shape(), DType::f64));
      for (const double v : w.grad().to_vector<double>()) EXPECT_EQ(v, 0);
      for (const double v : b.grad().to_vector<double>()) EXPECT_EQ(v, 0);
    }
}

TEST(Conv2d, CarriesANaNToEveryPixelThatReadsIt) {
  for (const std::string& kernel : conv2d_kernels()) {
    const Kernel forced(kernel);
    std::vector<float> values(5 * 7 * 3, 1.f);
    values[(2 * 7 + 3) * 3 + 1] = std::nanf("");
    const Tensor y =
        conv2d(Tensor::from<float>(values, {1, 5, 7, 3}), Tensor::full({2, 3, 3, 3}, 1), {}, {.padding = {1, 1}});
    for (int i = 0; i < 5; i++)
      for (int j = 0; j < 7; j++) {
        const bool near = std::abs(i - 2) <= 1 && std::abs(j - 3) <= 1;
        const bool found = std::isnan(y.data<float>()[(i * 7 + j) * 2]);
        // Winograd's tiles carry it further.
        EXPECT_TRUE(kernel == "winograd" ? found || !near : found == near) << kernel << i << j;
      }
  }
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Conv2d, SaysWhatDoesNotFit) {
  const auto call = [](const Shape& x, const Shape& w, const Conv2dOptions& options = {}, const Tensor& bias = {}) {
    return error_of([&] { conv2d(Tensor::zeros(x), Tensor::zeros(w), bias, options); });
  };
  EXPECT_EQ(call({2, 8, 8, 24}, {40, 1, 1, 12}),
            "conv2d: input has 24 channels, but weight (40, 1, 1, 12) with groups=1 expects 12");
  EXPECT_EQ(call({2, 8, 8, 24}, {40, 1, 1, 8}, {.groups = 3}),
            "conv2d: 24 input and 40 output channels cannot be divided into 3 groups; the nearest that can: 2 or 4");
  EXPECT_EQ(call({2, 8, 8, 7}, {5, 1, 1, 7}, {.groups = 2}),
            "conv2d: 7 input and 5 output channels cannot be divided into 2 groups; the nearest that can: 1");
  EXPECT_THAT(call({2, 8, 8, 4}, {4, 1, 1, 4}, {.groups = 0}), HasSubstr("into 0 groups; the nearest that can: 1"));
  EXPECT_EQ(call({1, 5, 6, 3}, {4, 7, 3, 3}, {.dilation = {1, 2}}),
            "conv2d: a 7x3 kernel with dilation 1x2 reaches over 7x5 pixels, but input (1, 5, 6, 3) with padding 0x0 "
            "has 5x6");
  EXPECT_EQ(call({8, 8, 3}, {4, 3, 3, 3}), "conv2d: input is (8, 8, 3), but needs four dimensions (N, H, W, C)");
  EXPECT_EQ(call({1, 8, 8, 3}, {4, 3}), "conv2d: weight is (4, 3), but needs four dimensions (O, KH, KW, C/groups)");
  EXPECT_EQ(call({1, 0, 8, 3}, {4, 3, 3, 3}, {.padding = {2, 2}}),
            "conv2d: input (1, 0, 8, 3) has no pixels or channels");
  EXPECT_EQ(call({1, 8, 8, 3}, {4, 0, 3, 3}), "conv2d: weight (4, 0, 3, 3) is empty");
  EXPECT_THAT(call({1, 8, 8, 3}, {4, 3, 3, 3}, {.stride = {0, 1}}),
              HasSubstr("stride is (0, 1), but both must lie in [1, "));
  EXPECT_THAT(call({1, 8, 8, 3}, {4, 3, 3, 3}, {.padding = {0, -1}}), HasSubstr("padding is (0, -1)"));
  EXPECT_THAT(call({1, 8, 8, 3}, {4, 3, 3, 3}, {.dilation = {0, 1}}), HasSubstr("dilation is (0, 1)"));
  EXPECT_EQ(call({1, 8, 8, 3}, {4, 3, 3, 3}, {}, Tensor::zeros({3})),
            "conv2d: bias is (3), but weight (4, 3, 3, 3) makes 4 channels");
  EXPECT_EQ(error_of([] {
              conv2d(Tensor::zeros({1, 8, 8, 3}), Tensor::zeros({4, 3, 3, 3}, DType::f64));
            }),
            "conv2d: input is f32, but weight is f64");
  EXPECT_EQ(error_of([] {
              conv2d(Tensor::zeros({1, 8, 8, 3}, DType::i64), Tensor::zeros({4, 3, 3, 3}));
            }),
            "conv2d: works on f32, f64 and bf16 tensors, but got i64");
  EXPECT_THAT(error_of([] { conv2d({}, Tensor::zeros({4, 3, 3, 3})); }), HasSubstr("conv2d"));
}

TEST(Conv2d, RefusesAWeightThatWasChangedBeforeBackward) {
  const Tensor x = random_tensor({1, 4, 4, 3}, "x").set_requires_grad();
  Tensor w = random_tensor({2, 3, 3, 3}, "w").set_requires_grad();
  const Tensor y = conv2d(x, w);
  w.mutable_data<double>()[0] = 1;
  EXPECT_THAT(error_of([&] { y.backward(upstream(y.shape(), y.dtype())); }), HasSubstr("conv2d: weight (2, 3, 3, 3)"));
}

// ---- the table of kernels

TEST(Conv2dTable, TellsWhichKernelRanAndObeysAForcedOne) {
  const auto x = random_tensor({2, 5, 5, 6}, "x"), w = random_tensor({4, 3, 3, 6}, "w").set_requires_grad();
  for (const std::string& kernel : conv2d_kernels()) {
    if (kernel == "paired") continue;  // of bf16 alone
    const Watch watch;
    const Kernel forced(kernel);
    const Tensor y = conv2d(x, w, {}, {.padding = {1, 1}});
    y.backward(upstream(y.shape(), y.dtype()));
    EXPECT_EQ(watch.seen, (std::vector<std::string>{"forward " + kernel, "backward " + kernel}));
  }
}

TEST(Conv2dTable, AForcedKernelThatCannotRunACaseLeavesItToTheNext) {
  const NoGrad no_grad;
  const Watch watch;
  const Kernel forced("winograd");
  conv2d(Tensor::zeros({2, 5, 5, 6}), Tensor::zeros({4, 3, 3, 6}));
  EXPECT_EQ(watch.seen, std::vector<std::string>{"forward rows"});
}

TEST(Conv2dTable, GivesEachKindOfCaseToTheKernelForIt) {
  const NoGrad no_grad;
  const Watch watch;
  conv2d(Tensor::zeros({64, 1, 1, 960}), Tensor::zeros({1280, 1, 1, 960}));
  conv2d(Tensor::zeros({2, 2, 2, 256}), Tensor::zeros({256, 3, 3, 256}), {}, {.padding = {1, 1}});
  conv2d(Tensor::zeros({2, 16, 16, 32}), Tensor::zeros({32, 3, 3, 32}));
  conv2d(Tensor::zeros({2, 16, 16, 32}), Tensor::zeros({32, 3, 3, 32}), {}, {.padding = {1, 1}});
  conv2d(Tensor::zeros({2, 2, 2, 256}), Tensor::zeros({256, 3, 3, 1}), {}, {.padding = {1, 1}, .groups = 256});
  EXPECT_EQ(watch.seen, (std::vector<std::string>{"forward rows", "forward gemm", "forward rows", "forward winograd",
                                                  "forward rows"}));
}

TEST(Conv2dTable, PairsArePointwiseConvolutionsOfBf16WhereTheProcessorMultipliesThem) {
  const NoGrad no_grad;
  const auto map = [](int64_t channels) { return Tensor::zeros({8, 16, 16, channels}, DType::bf16); };
  for (const std::string& isa : available_isas()) {
    const Isa set(isa);
    const Watch watch;
    conv2d(map(16), Tensor::zeros({8, 1, 1, 16}));
    conv2d(map(15), Tensor::zeros({8, 1, 1, 15}));
    conv2d(map(16), Tensor::zeros({8, 1, 1, 8}), {}, {.groups = 2});
    const char* first = isa.ends_with("bf16") ? "forward paired" : "forward rows";
    EXPECT_EQ(watch.seen, (std::vector<std::string>{first, "forward rows", "forward rows"})) << isa;
  }
}

TEST(Conv2dTable, AnUnknownKernelNamesThePossibleOnes) {
  EXPECT_EQ(error_of([] { force_conv2d_kernel("fft"); }),
            "force_conv2d_kernel: \"fft\" is no kernel of conv2d; there are: paired, winograd, gemm, rows, reference");
}

}  // namespace
}  // namespace ghost::test
