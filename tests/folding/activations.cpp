// Activations between what they follow and what reads them.
#include <cmath>
#include <gtest/gtest.h>

#include "core/memory.h"
#include "core/ops/arithmetic.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/ops/shape_ops.h"
#include "folding/check.h"

namespace ghost::test {
namespace {

using Function = Tensor (*)(const Tensor&);
struct Named {
  const char* name;
  Function function;
};
const Named kPending[] = {{"relu6", relu6}, {"hard_sigmoid", hard_sigmoid}, {"hardswish", hardswish}, {"silu", silu}};
const Named kAll[] = {{"relu6", relu6},         {"hard_sigmoid", hard_sigmoid},
                      {"hardswish", hardswish}, {"silu", silu},
                      {"gelu", gelu},           {"sigmoid", sigmoid}};

// A batch_norm whose values lie on both sides of every kink from −3 to 6.
Inputs& wide(Inputs& all, int64_t channels) { return all.normal({channels}, 3, 0.3).normal({channels}, 2, 1); }

TEST(Activations, BetweenABatchNormAndAConvolution) {
  for (const Named& f : kAll)
    for (const int64_t c : {5, 16}) {
      SCOPED_TRACE(fmt::format("{} of {} channels", f.name, c));
      Inputs inputs(fmt::format("{}{}", f.name, c));
      inputs.normal({2, 7, 6, 3}).weight({c, 3, 3, 3});
      wide(inputs, c).weight({4, 3, 3, c});
      check(
          [&](const In& p) { return conv2d(f.function(conv_bn(p[0], p[1], p[2], p[3], same(3))), p[4], {}, same(3)); },
          inputs);
    }
}

TEST(Activations, PointwiseDepthwisePointwise) {
  for (const Named& f : kPending) {
    SCOPED_TRACE(f.name);
    Inputs inputs(fmt::format("{}separable", f.name));
    inputs.normal({2, 6, 8, 3}).weight({8, 1, 1, 3});
    wide(inputs, 8).weight({8, 3, 3, 1});
    wide(inputs, 8).weight({4, 1, 1, 8}).gamma(4).beta(4);
    check(
        [&](const In& p) {
          const Tensor a = f.function(conv_bn(p[0], p[1], p[2], p[3]));
          const Tensor b = f.function(conv_bn(a, p[4], p[5], p[6], same(3, 2, 8)));
          return conv_bn(b, p[7], p[8], p[9]);
        },
        inputs);
  }
}

TEST(Activations, OfAConcatenation) {
  for (const Named& f : kPending) {
    SCOPED_TRACE(f.name);
    Inputs inputs(fmt::format("{}parts", f.name));
    inputs.normal({2, 5, 6, 3}).weight({4, 1, 1, 3});
    wide(inputs, 4).weight({4, 3, 3, 1});
    wide(inputs, 4).weight({5, 3, 3, 8});
    check(
        [&](const In& p) {
          const Tensor a = conv_bn(p[0], p[1], p[2], p[3]), b = conv_bn(a, p[4], p[5], p[6], same(3, 1, 4));
          return conv2d(f.function(cat({a, b})), p[7], {}, same(3));
        },
        inputs);
  }
}

// Parts that end with the same function are joined as they are, others are finished.
TEST(Activations, InAConcatenation) {
  for (const Named& f : kPending)
    for (const Named& g : kPending) {
      SCOPED_TRACE(fmt::format("{} and {}", f.name, g.name));
      Inputs inputs(fmt::format("{}{}", f.name, g.name));
      inputs.normal({2, 5, 6, 3}).weight({4, 1, 1, 3});
      wide(inputs, 4).weight({4, 3, 3, 1});
      wide(inputs, 4).weight({5, 1, 1, 12});
      check(
          [&](const In& p) {
            const Tensor a = f.function(conv_bn(p[0], p[1], p[2], p[3]));
            const Tensor b = g.function(conv_bn(a, p[4], p[5], p[6], same(3, 1, 4)));
            return conv2d(cat({a, p[0], b, relu(slice_channels(p[0], 1, 1))}), p[7]);
          },
          inputs);
    }
}

TEST(Activations, UnderAndOverAResidualSum) {
  for (const Named& f : kAll) {
    SCOPED_TRACE(f.name);
    Inputs inputs(fmt::format("{}residual", f.name));
    inputs.normal({2, 5, 5, 3}).weight({6, 3, 3, 3});
    wide(inputs, 6).weight({6, 3, 3, 6});
    wide(inputs, 6).weight({6, 3, 3, 6});
    wide(inputs, 6);
    check(
        [&](const In& p) {
          Tensor x = f.function(conv_bn(p[0], p[1], p[2], p[3], same(3)));
          for (int i = 0; i < 2; i++) {
            const Tensor y = f.function(conv_bn(x, p[4], p[5], p[6], same(3)));
            x = f.function(add(conv_bn(y, p[7], p[8], p[9], same(3)), x));
          }
          return global_avg_pool(x);
        },
        inputs);
  }
}

TEST(Activations, OneOnAnother) {
  for (const Named& f : kAll)
    for (const Named& g : kAll) {
      SCOPED_TRACE(fmt::format("{} of {}", g.name, f.name));
      Inputs inputs(fmt::format("{}on{}", g.name, f.name));
      inputs.normal({2, 4, 4, 3}).weight({5, 1, 1, 3});
      wide(inputs, 5).weight({3, 1, 1, 5});
      check([&](const In& p) { return conv2d(g.function(f.function(conv_bn(p[0], p[1], p[2], p[3]))), p[4]); }, inputs);
    }
}

TEST(Activations, ABatchNormOfOneFinishesItFirst) {
  for (const Named& f : kPending) {
    SCOPED_TRACE(f.name);
    Inputs inputs(fmt::format("{}normalised", f.name));
    inputs.normal({2, 5, 5, 3}).weight({4, 3, 3, 3});
    wide(inputs, 4).gamma(4).beta(4);
    check(
        [&](const In& p) { return relu(normalised(f.function(conv_bn(p[0], p[1], p[2], p[3], same(3))), p[4], p[5])); },
        inputs);
  }
}

TEST(Activations, UsedTwiceAndRaw) {
  for (const Named& f : kPending) {
    SCOPED_TRACE(f.name);
    Inputs inputs(fmt::format("{}many", f.name));
    inputs.normal({2, 5, 5, 3}).weight({4, 3, 3, 3});
    wide(inputs, 4);
    check(
        [&](const In& p) {
          const Tensor y = conv_bn(p[0], p[1], p[2], p[3], same(3)), a = f.function(y);
          return add(add(mul(y, a), add(y, y)), a);
        },
        inputs);
  }
}

TEST(Activations, ScaledByAGateAndPooled) {
  for (const Named& f : kPending) {
    SCOPED_TRACE(f.name);
    Inputs inputs(fmt::format("{}squeeze", f.name));
    inputs.normal({2, 5, 6, 3}).weight({4, 3, 3, 3});
    wide(inputs, 4).weight({4, 1, 1, 4}).weight({3, 3, 3, 4});
    check(
        [&](const In& p) {
          const Tensor y = f.function(conv_bn(p[0], p[1], p[2], p[3], same(3)));
          const Tensor gate = hard_sigmoid(conv2d(global_avg_pool(y), p[4]));
          return conv2d(max_pool2d(mul(y, gate)), p[5], {}, same(3));
        },
        inputs);
  }
}

// Nothing is written: the result is the input's values with another transform, and a convolution reads through it.
TEST(Activations, StayPending) {
  const Tensor x = normal_tensor({2, 6, 6, 16}, "pending").to(DType::f32), w = Tensor::full({8, 3, 3, 16}, 0.1);
  for (const Named& f : kPending) {
    SCOPED_TRACE(f.name);
    Tensor leaf = x.clone().set_requires_grad();
    const Tensor z = batch_norm(leaf, {}, {}, {});
    const int64_t before = memory_stats().bytes_in_use;
    const Tensor y = f.function(z);
    EXPECT_EQ(memory_stats().bytes_in_use, before);
    EXPECT_EQ(y.body()->raw.storage, z.body()->raw.storage);
    ASSERT_TRUE(y.body()->pending);
    EXPECT_TRUE(y.body()->pending->normalised);
    sum(conv2d(y, w, {}, same(3))).backward();
    EXPECT_FALSE(y.body()->materialised);
    EXPECT_FALSE(z.body()->materialised);
    EXPECT_TRUE(leaf.grad().defined());
  }
}

TEST(Activations, BoundsOnBoundsAreTheirIntersection) {
  const Tensor x = Tensor::from<float>({-4, -1, 0.5F, 2, 5, 9}, {1, 1, 6, 1});
  const auto of = [&](auto f) { return f(x).template to_vector<double>(); };
  using Values = std::vector<double>;
  EXPECT_EQ(of([](const Tensor& t) { return relu6(relu(t)); }), (Values{0, 0, 0.5, 2, 5, 6}));
  EXPECT_EQ(of([](const Tensor& t) { return relu(relu6(t)); }), (Values{0, 0, 0.5, 2, 5, 6}));
  EXPECT_EQ(of([](const Tensor& t) { return clamp(relu6(t), 1, 3); }), (Values{1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(of([](const Tensor& t) { return clamp(relu6(t), -3, -2); }), Values(6, -2));
  EXPECT_EQ(of([](const Tensor& t) { return clamp(relu6(t), 8, 9); }), Values(6, 8));
  EXPECT_EQ(of([](const Tensor& t) { return clamp(relu6(t), 5, 1); }), Values(6, 1));
}

template <class F>
std::vector<double> slopes(F f, const std::vector<double>& at) {
  // read by a convolution, so that the gradient comes back through a transform
  Tensor x = Tensor::from(at, {1, 1, static_cast<int64_t>(at.size()), 1}).set_requires_grad();
  sum(conv2d(f(x), Tensor::full({1, 1, 1, 1}, 1, DType::f64))).backward();
  return x.grad().to_vector<double>();
}

TEST(Activations, GradientsAtTheBoundsThemselves) {
  for (const bool fold : {false, true}) {
    SCOPED_TRACE(fold ? "folded" : "plain");
    const Folding setting(fold);
    using Values = std::vector<double>;
    EXPECT_EQ(slopes(relu6, {-1, 0, 3, 6, 7}), (Values{0, 0, 1, 0, 0}));
    EXPECT_EQ(slopes(hard_sigmoid, {-4, -3, 0, 3, 4}), (Values{0, 0, 1.0 / 6, 0, 0}));
    const Values at_kinks = slopes(hardswish, {-4, -3, 3, 4}), expected{0, -0.5, 1.5, 1};
    for (size_t i = 0; i < 4; i++) EXPECT_NEAR(at_kinks[i], expected[i], 1e-15);
    EXPECT_EQ(slopes([](const Tensor& x) { return clamp(x, 0, 6); }, {-1, 0, 3, 6, 7}), (Values{0, 1, 1, 1, 0}));
    EXPECT_EQ(slopes([](const Tensor& x) { return relu(clamp(x, -1, 6)); }, {-1, 0, 3, 6, 7}), (Values{0, 0, 1, 1, 0}));
    EXPECT_EQ(slopes([](const Tensor& x) { return clamp(relu6(x), 2, 2); }, {0, 2, 3}), (Values{0, 1, 0}));
    EXPECT_EQ(slopes([](const Tensor& x) { return clamp(x, 2, 1); }, {0, 1, 1.5, 2, 3}), Values(5, 0));
  }
}

TEST(Activations, ANaNPassesThroughAPendingOne) {
  Tensor x = Tensor::full({1, 2, 2, 3}, 1);
  x.mutable_data<float>()[4] = NAN;
  const RunningStatistics running{Tensor::zeros({3}), Tensor::full({3}, 1), {}};
  const Tensor w = Tensor::full({1, 1, 1, 3}, 1);
  for (const bool fold : {false, true})
    for (const Named& f : kAll) {
      SCOPED_TRACE(f.name);
      const Folding setting(fold);
      const Tensor y = conv2d(f.function(batch_norm(x, {}, {}, running, {.training = false})), w);
      for (int64_t p = 0; p < 4; p++) EXPECT_EQ(std::isnan(y.to_vector<float>()[static_cast<size_t>(p)]), p == 1);
    }
}

}  // namespace
}  // namespace ghost::test
