#include "nn/module.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "core/rng.h"
#include "nn/init.h"
#include "nn/layers/activation.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/conv_bn_act.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/sequential.h"
#include "support/modules.h"

namespace ghost {
namespace {

using test::error_of;
using test::random_tensor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Two layers and a buffer of its own, to look at names, order and paths.
class Block final : public Module {
 public:
  explicit Block(int64_t channels, int64_t conv_in = 3)
      : gain(register_parameter("gain", {channels}, constant(2))),
        conv(this, "conv", Conv2d::Options{.in = conv_in, .out = channels, .bias = false}),
        bn(this, "bn", BatchNorm2d::Options{.channels = channels}) {
    register_buffer("seen", Tensor::zeros({}, DType::i64));
  }
  const char* kind() const override { return "Block"; }

  Tensor gain;
  Child<Conv2d> conv;
  Child<BatchNorm2d> bn;

 protected:
  Tensor forward(const Tensor& x) override { return bn(conv(x)) * gain; }
};

class Net final : public Module {
 public:
  Net() : first(this, "first", 4), body(this, "body") { body->emplace<Block>(2, 4); }
  const char* kind() const override { return "Net"; }
  Child<Block> first;
  Child<Sequential> body;

 protected:
  Tensor forward(const Tensor& x) override { return body(first(x)); }
};

template <class T>
std::vector<std::string> names(const std::vector<T>& entries) {
  std::vector<std::string> list;
  for (const auto& e : entries) list.push_back(e.name);
  return list;
}

TEST(Module, NamesFollowTheOrderOfTheClassBody) {
  Net net;
  EXPECT_THAT(names(net.parameters()),
              ElementsAre("first.gain", "first.conv.weight", "first.bn.weight", "first.bn.bias", "body.0.gain",
                          "body.0.conv.weight", "body.0.bn.weight", "body.0.bn.bias"));
  EXPECT_THAT(names(net.body->buffers()),
              ElementsAre("0.seen", "0.bn.running_mean", "0.bn.running_var", "0.bn.num_batches_tracked"));
  std::vector<std::string> paths;
  for (const auto& [path, module] : net.modules()) {
    EXPECT_EQ(path, module->path());
    paths.push_back(path);
  }
  EXPECT_THAT(paths, ElementsAre("", "first", "first.conv", "first.bn", "body", "body.0", "body.0.conv", "body.0.bn"));
}

TEST(Module, HandlesOfOneParameterShareItsValues) {
  Net net;
  net.initialise(0);
  Tensor handle = net.parameters()[0].tensor;
  *handle.mutable_data<float>() = 7;
  EXPECT_EQ(net.first->gain.data<float>()[0], 7);
}

TEST(Module, ParametersAreNaNUntilTheyAreInitialised) {
  Net net;
  EXPECT_TRUE(std::isnan(net.first->gain.data<float>()[0]));
  net.initialise(0);
  for (const Parameter& p : net.parameters())
    for (const double v : p.tensor.to_vector<double>()) ASSERT_TRUE(std::isfinite(v)) << p.name;
}

TEST(Module, InitialValuesDependOnSeedAndPathAlone) {
  const auto weights = [](Module& m, uint64_t seed) {
    m.initialise(seed);
    std::map<std::string, std::vector<float>> by_name;
    for (const Parameter& p : m.parameters()) by_name[p.name] = p.tensor.to_vector<float>();
    return by_name;
  };
  Sequential small, large;
  small.emplace<Conv2d>(Conv2d::Options{.in = 3, .out = 4, .kernel = 3});
  large.emplace<Conv2d>(Conv2d::Options{.in = 3, .out = 4, .kernel = 3});
  large.emplace<Conv2d>(Conv2d::Options{.in = 4, .out = 4, .kernel = 3});
  const auto a = weights(small, 1), b = weights(large, 1), again = weights(small, 1), other = weights(small, 2);
  for (const auto& [name, values] : a) {
    EXPECT_EQ(values, b.at(name)) << name;
    EXPECT_EQ(values, again.at(name)) << name;
    EXPECT_NE(values, other.at(name)) << name;
  }
  EXPECT_NE(b.at("0.bias"), b.at("1.bias"));
}

TEST(Module, DefaultInitialValuesArePyTorchs) {
  Conv2d conv({.in = 8, .out = 64, .kernel = {3, 5}, .groups = 2});
  conv.initialise(3);
  const double bound = 1 / std::sqrt(3 * 5 * 4.0);
  double low = 0, high = 0, sum = 0, squares = 0;
  const auto values = conv.weight().to_vector<double>();
  for (const double v : values) low = std::min(low, v), high = std::max(high, v), sum += v, squares += v * v;
  const auto n = static_cast<double>(values.size());
  EXPECT_GE(low, -bound);
  EXPECT_LT(high, bound);
  EXPECT_LT(low, -0.99 * bound);
  EXPECT_GT(high, 0.99 * bound);
  EXPECT_NEAR(sum / n, 0, 4 * bound / std::sqrt(3 * n));              // four deviations of the mean
  EXPECT_NEAR(squares / n, bound * bound / 3, 0.05 * bound * bound);  // variance of U(−b, b): b²/3
  for (const double v : conv.bias().to_vector<double>()) EXPECT_LE(std::abs(v), bound);
  Linear fc({.in = 100, .out = 10});
  fc.initialise(3);
  EXPECT_LE(test::largest_magnitude(fc.parameters()[0].tensor), 0.1);
  EXPECT_LE(test::largest_magnitude(fc.parameters()[1].tensor), 0.1);
  EXPECT_GT(test::largest_magnitude(fc.parameters()[0].tensor), 0.095);
}

TEST(Module, KaimingNormalReplacesConvolutionsOnly) {
  Sequential net;
  net.emplace<Conv2d>(Conv2d::Options{.in = 16, .out = 32, .kernel = 3});
  net.emplace<Linear>(Linear::Options{.in = 32, .out = 10});
  net.initialise(5);
  const auto before = net.parameters();
  const auto bias = before[1].tensor.to_vector<float>(), fc = before[2].tensor.to_vector<float>();
  kaiming_normal_fan_out(net, 5);
  double squares = 0;
  for (const double v : before[0].tensor.to_vector<double>()) squares += v * v;
  const double variance = squares / static_cast<double>(before[0].tensor.numel());
  EXPECT_NEAR(variance, 2.0 / (32 * 9), 0.1 * 2.0 / (32 * 9));
  EXPECT_GT(test::largest_magnitude(before[0].tensor), 3 * std::sqrt(2.0 / (32 * 9)));  // not uniform
  EXPECT_EQ(before[1].tensor.to_vector<float>(), bias);
  EXPECT_EQ(before[2].tensor.to_vector<float>(), fc);
}

TEST(Module, TrainAndEvalReachEveryModule) {
  Net net;
  net.eval();
  for (const auto& [path, module] : net.modules()) EXPECT_FALSE(module->training()) << path;
  net.train();
  for (const auto& [path, module] : net.modules()) EXPECT_TRUE(module->training()) << path;
}

TEST(Module, ConvertsParametersAndFloatingBuffersInPlace) {
  Net net;
  net.initialise(1);
  const auto before = net.first->conv->weight().to_vector<double>();
  net.to(DType::f64);
  EXPECT_EQ(net.first->conv->weight().dtype(), DType::f64);  // the layer's own handle too
  EXPECT_EQ(net.first->conv->weight().to_vector<double>(), before);
  EXPECT_EQ(net.buffers()[0].tensor.dtype(), DType::i64);
  EXPECT_EQ(net.buffers()[1].tensor.dtype(), DType::f64);
  Tensor y = net(random_tensor({2, 4, 4, 3}, 1, DType::f64));
  EXPECT_EQ(y.dtype(), DType::f64);
  sum(y).backward();
  EXPECT_EQ(net.first->conv->weight().grad().dtype(), DType::f64);
  EXPECT_THAT(error_of([&] { net.to(DType::i64); }), HasSubstr("i64"));
}

TEST(Module, ErrorsNameTheInnermostPathOnce) {
  Net net;
  net.initialise(0);
  const std::string message = error_of([&] { net(random_tensor({1, 4, 4, 5}, 0)); });
  EXPECT_THAT(message, testing::EndsWith(" (in first.conv)"));
  EXPECT_EQ(message.find("(in "), message.rfind("(in "));
  EXPECT_THAT(error_of([&] { net(Tensor()); }), HasSubstr("Net: the input is undefined"));
  EXPECT_EQ(PathScope::current(), "");
}

TEST(Module, ErrorsOfConstructionNameThePathAndStayUsageErrors) {
  class Outer final : public Module {
   public:
    Outer() : body_(this, "body") { body_->emplace<ConvBnAct>(ConvBlock{.in = 64, .out = 128, .groups = 5}); }
    const char* kind() const override { return "Outer"; }

   protected:
    Tensor forward(const Tensor& x) override { return body_(x); }

   private:
    Child<Sequential> body_;
  };
  EXPECT_THROW(Outer{}, UsageError);
  EXPECT_EQ(error_of([] { Outer outer; }),
            "Conv2d: groups=5 does not divide in=64 and out=128; nearest valid: groups=4 or 8 (in body.0.0)");
}

TEST(Module, BackwardNamesThePathToo) {
  Net net;
  net.initialise(0);
  const Tensor y = net(random_tensor({2, 4, 4, 3}, 0));
  net.first->gain.mutable_data<float>()[0] = 1;  // mul's backward needs the old value
  EXPECT_THAT(error_of([&] { sum(y).backward(); }), testing::EndsWith(" (in first)"));
}

TEST(Module, NamesAreUniqueAndHoldNoDot) {
  class Named final : public Module {
   public:
    explicit Named(const std::string& second) {
      register_parameter("weight", {1}, constant(0));
      register_buffer(second, Tensor::zeros({1}));
    }
    const char* kind() const override { return "Named"; }

   protected:
    Tensor forward(const Tensor& x) override { return x; }
  };
  EXPECT_THAT(error_of([] { Named named("weight"); }), HasSubstr("'weight'"));
  EXPECT_THAT(error_of([] { Named named("a.b"); }), HasSubstr("'a.b'"));
  EXPECT_THAT(error_of([] { Named named(""); }), HasSubstr("not empty"));
}

TEST(ForwardObserver, SeesInnerModulesFirstAndOnlyWhileItLives) {
  Net net;
  net.initialise(0);
  std::vector<std::string> seen;
  {
    const ForwardObserver observer([&](Module& m, const Tensor& x, const Tensor& y) {
      EXPECT_EQ(x.rank(), 4);
      EXPECT_EQ(y.rank(), 4);
      seen.push_back(m.path() + ":" + m.kind());
    });
    net(random_tensor({2, 4, 4, 3}, 0));
  }
  net(random_tensor({2, 4, 4, 3}, 0));
  EXPECT_THAT(seen, ElementsAre("first.conv:Conv2d", "first.bn:BatchNorm2d", "first:Block", "body.0.conv:Conv2d",
                                "body.0.bn:BatchNorm2d", "body.0:Block", "body:Sequential", ":Net"));
}

TEST(ForwardObserver, ReadingTensorsDoesNotChangeTheResult) {
  Net net;
  net.initialise(0);
  const Tensor x = random_tensor({2, 4, 4, 3}, 0);
  const auto plain = net(x).to_vector<float>();
  const ForwardObserver observer([](Module&, const Tensor&, const Tensor& y) { y.to_vector<float>(); });
  EXPECT_EQ(net(x).to_vector<float>(), plain);
}

TEST(Sequential, EmptyPlacesTakeAnIndexAndNothingElse) {
  Sequential net;
  net.add(nullptr);
  net.emplace<Linear>(Linear::Options{.in = 2, .out = 2, .bias = false});
  net.add(std::make_shared<Identity>());
  net.emplace<Linear>(Linear::Options{.in = 2, .out = 2, .bias = false});
  EXPECT_THAT(names(net.parameters()), ElementsAre("1.weight", "3.weight"));
  const Tensor x = random_tensor({2, 3, 3, 2}, 0);
  EXPECT_EQ(Sequential()(x).to_vector<float>(), x.to_vector<float>());
}

TEST(Dropout, DependsOnSeedStepMicroBatchAndPath) {
  Sequential net;
  net.emplace<Dropout>(0.5);
  net.emplace<Dropout>(0.5);
  const auto run = [&](int module, uint64_t seed, uint64_t step, uint64_t micro) {
    const StepScope scope(seed, step, micro);
    return (*net.modules()[static_cast<size_t>(module)].second)(Tensor::full({4, 32}, 1)).to_vector<float>();
  };
  const auto base = run(1, 0, 0, 0);
  EXPECT_EQ(run(1, 0, 0, 0), base);
  EXPECT_NE(run(1, 1, 0, 0), base);
  EXPECT_NE(run(1, 0, 1, 0), base);
  EXPECT_NE(run(1, 0, 0, 1), base);
  EXPECT_NE(run(2, 0, 0, 0), base);
  int dropped = 0;
  for (const float v : base) {
    EXPECT_TRUE(v == 0 || v == 2) << v;
    dropped += v == 0;
  }
  EXPECT_GT(dropped, 40);  // of 128, expected 64 ± 6
  EXPECT_LT(dropped, 88);
}

TEST(Dropout, DoesNothingInEvaluationAndNeedsAStepInTraining) {
  Dropout layer(0.5);
  const Tensor x = Tensor::full({2, 8}, 1);
  EXPECT_THAT(error_of([&] { layer(x); }), HasSubstr("StepScope"));
  layer.eval();
  EXPECT_EQ(layer(x).to_vector<float>(), x.to_vector<float>());
  Dropout none(0);
  EXPECT_EQ(none(x).to_vector<float>(), x.to_vector<float>());
  EXPECT_THAT(error_of([] { Dropout bad(1.0); }), HasSubstr("[0, 1)"));
  EXPECT_THAT(error_of([] { Dropout bad(-0.1); }), HasSubstr("p=-0.1"));
}

TEST(StepScope, InnerScopesEndWithTheirBlock) {
  const StepScope outer(1, 2);
  const uint32_t before = StepScope::stream("test", "a").next();
  {
    const StepScope inner(1, 3);
    EXPECT_NE(StepScope::stream("test", "a").next(), before);
  }
  EXPECT_EQ(StepScope::stream("test", "a").next(), before);
}

}  // namespace
}  // namespace ghost
