// Whole programs, with transforms handed on and with transforms finished where they arise: both have the numeric
// gradient, and they agree with each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/memory.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/linear.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"
#include "folding/check.h"
#include "support/programs.h"

namespace ghost::test {
namespace {

TEST(Folding, ConvReadsAReluOfABatchNorm) {
  for (const int64_t c : {5, 8, 16})
    for (const int64_t stride : {1, 2}) {
      SCOPED_TRACE(fmt::format("{} channels, stride {}", c, stride));
      check(
          [&](const In& p) {
            return conv2d(conv_bn_relu(p[0], p[1], p[2], p[3], same(3, stride)), p[4], {}, same(3, stride));
          },
          Inputs(fmt::format("conv{}{}", c, stride))
              .normal({2, 7, 6, 3})
              .weight({c, 3, 3, 3})
              .gamma(c)
              .beta(c)
              .weight({4, 3, 3, c}));
    }
}

TEST(Folding, PointwiseDepthwisePointwise) {
  for (const int64_t stride : {1, 2})
    check(
        [&](const In& p) {
          const Tensor a = conv_bn_relu(p[0], p[1], p[2], p[3]);
          const Tensor b = conv_bn_relu(a, p[4], p[5], p[6], same(3, stride, 8));
          return conv2d(b, p[7], p[8]);
        },
        Inputs("separable")
            .normal({3, 6, 8, 3})
            .weight({8, 1, 1, 3})
            .gamma(8)
            .beta(8)
            .weight({8, 3, 3, 1})
            .gamma(8)
            .beta(8)
            .weight({4, 1, 1, 8})
            .normal({4}));
}

TEST(Folding, StridedDepthwiseAndGroupedConvolutions) {
  check(
      [](const In& p) { return conv2d(conv_bn_relu(p[0], p[1], p[2], p[3], same(5, 2, 8)), p[4], {}, same(3, 2, 4)); },
      Inputs("grouped").normal({2, 9, 11, 8}).weight({8, 5, 5, 1}).gamma(8).beta(8).weight({12, 3, 3, 2}));
}

// A pointwise and a depthwise convolution of four channels, each with its batch_norm, and the weight that reads both.
Inputs ghost_inputs(const char* name, const Shape& reader) {
  Inputs all(name);
  all.normal({2, 5, 6, 3}).weight({4, 1, 1, 3}).gamma(4).beta(4).weight({4, 3, 3, 1}).gamma(4).beta(4).weight(reader);
  return all;
}

// The primary features are read by the cheap convolution and stand in the result.
TEST(Folding, GhostModule) {
  for (const bool activated : {true, false}) {
    SCOPED_TRACE(fmt::format("relu {}", activated));
    check(
        [&](const In& p) {
          auto act = [&](const Tensor& t) { return activated ? relu(t) : t; };
          const Tensor a = act(conv_bn(p[0], p[1], p[2], p[3]));
          const Tensor b = act(conv_bn(a, p[4], p[5], p[6], same(3, 1, 4)));
          return conv2d(cat({a, b}), p[7], {}, same(3));
        },
        ghost_inputs("ghost", {5, 3, 3, 8}));
  }
}

// A ghost module that is cropped: the last channels have gradient zero, but their batch_norm still has statistics.
TEST(Folding, CroppedGhostModule) {
  check(
      [](const In& p) {
        const Tensor a = conv_bn_relu(p[0], p[1], p[2], p[3]);
        const Tensor b = conv_bn_relu(a, p[4], p[5], p[6], same(3, 1, 4));
        return conv2d(slice_channels(cat({a, b}), 0, 7), p[7]);
      },
      ghost_inputs("cropped", {5, 1, 1, 7}));
}

// The gradient of the sum goes to both sides; in-place accumulation on one must not reach the other.
TEST(Folding, ResidualDiamond) {
  check(
      [](const In& p) {
        Tensor x = conv_bn_relu(p[0], p[1], p[2], p[3], same(3));
        for (int i = 0; i < 2; i++)
          x = relu(add(conv_bn(conv_bn_relu(x, p[4], p[5], p[6], same(3)), p[7], p[8], p[9], same(3)), x));
        return global_avg_pool(x);
      },
      Inputs("diamond")
          .normal({2, 5, 5, 3})
          .weight({6, 3, 3, 3})
          .gamma(6)
          .beta(6)
          .weight({6, 3, 3, 6})
          .gamma(6)
          .beta(6)
          .weight({6, 3, 3, 6})
          .gamma(6)
          .beta(6));
}

// The sum hands one gradient to both sides; cat must not give slices of it to sides that add to them.
TEST(Folding, CatWhoseGradientSomebodyElseReads) {
  check(
      [](const In& p) {
        const Tensor a = mul(p[0], p[0]), other = exp(a);  // made before cat, so it writes to a's gradient after it
        return cat({add(cat({a, p[1]}), p[2]), other});
      },
      Inputs("shared").normal({2, 3, 3, 4}).normal({2, 3, 3, 2}).normal({2, 3, 3, 6}));
}

// Nodes ask those below them what they want of a gradient, but not all the way down.
TEST(Folding, DepthIsNotLimitedByTheStack) {
  Tensor x = Tensor::full({1, 2, 2, 3}, 1);
  x.set_requires_grad();
  Tensor y = x;
  constexpr int kDepth = 200000;
  for (int i = 0; i < kDepth; i++) y = relu(y);
  y = conv2d(y, Tensor::full({1, 1, 1, 3}, 2));
  y.backward(Tensor::full(y.shape(), 1));
  EXPECT_EQ(x.grad().to_vector<double>(), std::vector<double>(12, 2));
}

TEST(Folding, ProjectionWhoseSidesBothWantSums) {
  check(
      [](const In& p) {
        return relu(add(conv_bn(p[0], p[1], p[2], p[3], same(3, 2)), conv_bn(p[0], p[4], p[5], p[6], same(1, 2))));
      },
      Inputs("projection")
          .normal({2, 6, 7, 3})
          .weight({6, 3, 3, 3})
          .gamma(6)
          .beta(6)
          .weight({6, 1, 1, 3})
          .gamma(6)
          .beta(6));
}

TEST(Folding, OneResultUsedRawByReluAndTwiceByASum) {
  check(
      [](const In& p) {
        const Tensor y = conv_bn(p[0], p[1], p[2], p[3], same(3)), r = relu(y);
        return add(add(mul(y, r), add(y, y)), r);
      },
      Inputs("many").normal({2, 5, 5, 3}).weight({4, 3, 3, 3}).gamma(4).beta(4));
}

TEST(Folding, OneConvolutionUnderTwoBatchNorms) {
  check(
      [](const In& p) {
        const Tensor z = conv2d(p[0], p[1], {}, same(3));
        return conv2d(add(relu(normalised(z, p[2], p[3])), normalised(z, p[4], p[5])), p[6]);
      },
      Inputs("two").normal({2, 5, 5, 3}).weight({4, 3, 3, 3}).gamma(4).beta(4).gamma(4).beta(4).weight({3, 1, 1, 4}));
}

TEST(Folding, ABatchNormOverAPendingTransformFinishesItFirst) {
  check([](const In& p) { return relu(normalised(conv_bn_relu(p[0], p[1], p[2], p[3], same(3)), p[4], p[5])); },
        Inputs("stacked").normal({2, 5, 5, 3}).weight({4, 3, 3, 3}).gamma(4).beta(4).gamma(4).beta(4));
}

TEST(Folding, NegativeScalesAndAMeanFarFromZero) {
  check([](const In& p) { return conv2d(conv_bn_relu(p[0], p[1], p[2], p[3]), p[4], {}, same(3)); },
        Inputs("offset")
            .normal({2, 5, 5, 3}, 1000, 0.1)
            .weight({4, 1, 1, 3})
            .normal({4}, -1, 0.2)
            .beta(4)
            .weight({3, 3, 3, 4}),
        {.between = 1e-6});  // cancellation: (mean/deviation)² = 1e8 times the rounding of f64
}

TEST(Folding, SqueezeExcite) {
  check(
      [](const In& p) {
        const Tensor y = conv_bn_relu(p[0], p[1], p[2], p[3], same(3));
        const Tensor squeezed = relu(conv2d(global_avg_pool(y), p[4], p[5]));
        const Tensor gate = hard_sigmoid(conv2d(squeezed, p[6], p[7]));
        return conv2d(mul(y, gate), p[8], {}, same(3));
      },
      Inputs("squeeze")
          .normal({2, 5, 6, 3})
          .weight({4, 3, 3, 3})
          .gamma(4)
          .beta(4)
          .weight({2, 1, 1, 4})
          .normal({2}, 0.5, 0.2)
          .weight({4, 1, 1, 2})
          .normal({4}, 0, 0.3)
          .weight({3, 3, 3, 4}));
}

// A negative scale turns the order of raw values round: the maximum is that of finished ones.
TEST(Folding, PoolingReadsFinishedValues) {
  for (const double sign : {1.0, -1.0})
    check(
        [](const In& p) {
          const Tensor y = conv_bn(p[0], p[1], p[2], p[3], same(3));
          const Tensor m = max_pool2d(y, {.kernel = {3, 3}, .padding = {1, 1}});
          const Tensor a = avg_pool2d(relu(y), {.kernel = {3, 3}, .padding = {1, 1}, .count_include_pad = false});
          return add(conv2d(relu(m), p[4]), conv2d(adaptive_avg_pool2d(a, {4, 3}), p[4]));
        },
        Inputs("pool").normal({2, 8, 6, 3}).weight({4, 3, 3, 3}).normal({4}, sign, 0.2).beta(4).weight({3, 1, 1, 4}));
}

TEST(Folding, ClassifierFromFlattenedFeaturesToTheLoss) {
  check(
      [](const In& p) {
        const Tensor x = max_pool2d(conv_bn_relu(p[0], p[1], p[2], p[3], same(3)));
        const Tensor h = dropout(relu(linear(flatten(x), p[4], p[5])), 0.25, RandomStream(1, "dropout"));
        return cross_entropy(linear(h, p[6], p[7]), Tensor::from<int64_t>({1, 4, 0}, {3}), {.label_smoothing = 0.1});
      },
      Inputs("classifier")
          .normal({3, 6, 6, 3})
          .weight({4, 3, 3, 3})
          .gamma(4)
          .beta(4)
          .weight({8, 36})
          .normal({8})
          .weight({5, 8})
          .normal({5}));
}

TEST(Folding, EvaluationUsesRunningStatistics) {
  check(
      [](const In& p) {
        const RunningStatistics running{Tensor::full({4}, 0.2, DType::f64), Tensor::full({4}, 1.5, DType::f64), {}};
        const Tensor y = relu(batch_norm(conv2d(p[0], p[1], {}, same(3)), p[2], p[3], running, {.training = false}));
        return conv2d(add(y, y), p[4]);
      },
      Inputs("evaluation").normal({2, 5, 5, 3}).weight({4, 3, 3, 3}).gamma(4).beta(4).weight({3, 1, 1, 4}));
}

TEST(Folding, TwoResultsSeedOneGraph) {
  const Inputs inputs = Inputs("results").normal({2, 5, 5, 3}).weight({4, 3, 3, 3}).gamma(4).beta(4);
  auto gradients = [&](bool fold, bool at_once) {
    const Folding setting(fold);
    const In p = leaves_of(inputs.values);
    auto results = [&] {
      const Tensor y = conv_bn(p[0], p[1], p[2], p[3], same(3)), r = relu(y);
      return In{global_avg_pool(r), sum(y, {1, 2}), r};
    };
    if (at_once) {
      const In y = results();
      In seeds;
      for (const Tensor& t : y) seeds.push_back(upstream(t.shape(), t.dtype()));
      backward(y, seeds);
    } else {
      for (size_t i = 0; i < 3; i++) {
        const Tensor y = results()[i];
        y.backward(upstream(y.shape(), y.dtype()));
      }
    }
    return gradients_of(p);
  };
  const auto expected = gradients(false, false);
  for (const bool fold : {false, true}) {
    const auto found = gradients(fold, true);
    for (size_t i = 0; i < expected.size(); i++) expect_close(found[i], expected[i], 1e-10, std::to_string(i));
  }
}

class PendingSnapshot : public testing::Test {
 protected:
  Inputs inputs_ = Inputs("snapshot").normal({2, 5, 5, 3}).weight({4, 3, 3, 3}).gamma(4).beta(4);
  In p_ = leaves_of(inputs_.values);
  Tensor result() const { return conv_bn_relu(p_[0], p_[1], p_[2], p_[3], same(3)); }
};

// An optimizer step changes γ and β while the transform made of them is still to be applied.
TEST_F(PendingSnapshot, SurvivesAnOptimizerStep) {
  const std::vector<double> before = result().to_vector<double>();
  const Tensor computed = result();
  for (const size_t i : {2, 3})
    for (int c = 0; c < 4; c++) p_[i].mutable_data<double>()[c] += 1;
  EXPECT_EQ(computed.to_vector<double>(), before);
  EXPECT_NE(result().to_vector<double>(), before);
}

TEST_F(PendingSnapshot, BackwardOverAChangedWeightIsRefused) {
  const Tensor loss = sum(result());
  p_[1].mutable_data<double>()[0] += 1;
  try {
    loss.backward();
    FAIL() << "the gradient of a changed weight was computed";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::AllOf(testing::HasSubstr("conv2d"), testing::HasSubstr("(4, 3, 3, 3)")));
  }
}

TEST_F(PendingSnapshot, BackwardOverAChangedInputIsRefused) {
  const Tensor loss = sum(mul(p_[0], p_[0]));
  p_[0].mutable_data<double>()[0] += 1;
  EXPECT_THROW(loss.backward(), Error);
}

TEST_F(PendingSnapshot, ASecondBackwardIsRefused) {
  const Tensor loss = sum(result());
  loss.backward();
  EXPECT_THROW(loss.backward(), Error);
}

TEST(Folding, ANaNPassesEveryActivationAndPool) {
  for (const bool fold : {true, false}) {
    const Folding setting(fold);
    Tensor x = Tensor::full({1, 2, 2, 3}, 1);
    x.mutable_data<float>()[4] = NAN;
    auto has_nan = [](const Tensor& y) {
      const std::vector<float> v = y.to_vector<float>();
      return std::any_of(v.begin(), v.end(), [](float f) { return std::isnan(f); });
    };
    EXPECT_TRUE(has_nan(relu(x)));
    EXPECT_TRUE(has_nan(relu6(x)));
    EXPECT_TRUE(has_nan(hard_sigmoid(x)));
    EXPECT_TRUE(has_nan(hardswish(x)));
    EXPECT_TRUE(has_nan(silu(x)));
    EXPECT_TRUE(has_nan(gelu(x)));
    EXPECT_TRUE(has_nan(sigmoid(x)));
    EXPECT_TRUE(has_nan(clamp(x, -1, 1)));
    EXPECT_TRUE(has_nan(max_pool2d(relu(x))));
    EXPECT_TRUE(has_nan(global_avg_pool(relu(x))));
    EXPECT_TRUE(has_nan(batch_norm(x, {}, {}, {})));
  }
}

// What the caching allocator and the tape promise together: the second step asks the system for nothing. With one
// thread, because how much working memory several threads hold at once is left to chance.
TEST(Folding, AStepLeavesNothingBehindAndAllocatesNothingNew) {
  const Inputs inputs =
      Inputs("steady").normal({4, 9, 9, 3}).weight({8, 3, 3, 3}).gamma(8).beta(8).weight({4, 1, 1, 8});
  const In p = leaves_of(inputs.values);
  auto step = [&] {
    const Tensor y = conv_bn_relu(p[0], p[1], p[2], p[3], same(3));
    sum(conv2d(max_pool2d(mul(y, hard_sigmoid(global_avg_pool(y)))), p[4])).backward();
    for (Tensor t : p) t.clear_grad();
  };
  const Threads one(1);
  step();
  const MemoryStats before = memory_stats();
  const int64_t nodes = live_nodes();
  for (int i = 0; i < 3; i++) step();
  EXPECT_EQ(live_nodes(), nodes);
  EXPECT_EQ(memory_stats().bytes_in_use, before.bytes_in_use);
#if !defined(__SANITIZE_ADDRESS__)  // there every block is a malloc
  EXPECT_EQ(memory_stats().system_allocations, before.system_allocations);
#endif
}

}  // namespace
}  // namespace ghost::test
