// Updates against their formulas written out in f64; PyTorch's values are checked by reference_test.
#include <cmath>
#include <gmock/gmock.h>
#include <limits>

#include "core/parallel.h"
#include "support/modules.h"
#include "support/optimizers.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

using test::error_of;
using test::give_gradient;
using test::give_gradients;
using test::named;
using test::parameter;
using test::random_tensor;
using test::some_parameters;
using test::values_of;
using testing::HasSubstr;

// The first element of a parameter after steps with these gradients.
double after(const OptimizerConfig& config, double start, const std::vector<double>& gradients, double lr) {
  Tensor t = Tensor::full({2, 2}, start, DType::f64);
  t.set_requires_grad();
  const Parameter p{"p", t};
  const OptimizerPtr optimizer = build_optimizer(config, {p});
  for (const double g : gradients) {
    give_gradient(p, Tensor::full({2, 2}, g, DType::f64));
    optimizer->step(lr);
  }
  return t.to_vector<double>()[3];
}

TEST(Sgd, FollowsItsFormula) {
  OptimizerConfig config = named("sgd");
  config.momentum = 0;
  config.weight_decay = 0.5;
  EXPECT_NEAR(after(config, 2, {3}, 0.1), 2 - 0.1 * (3 + 0.5 * 2), 1e-15);

  config.momentum = 0.9;
  config.dampening = 0.4;
  config.weight_decay = 0;
  const double b1 = 3, b2 = 0.9 * b1 + 0.6 * -1;  // the first step is not dampened
  EXPECT_NEAR(after(config, 2, {3, -1}, 0.1), 2 - 0.1 * (b1 + b2), 1e-15);

  config.dampening = 0;
  config.nesterov = true;
  const double n1 = 3 + 0.9 * 3, n2 = -1 + 0.9 * (0.9 * 3 - 1);
  EXPECT_NEAR(after(config, 2, {3, -1}, 0.1), 2 - 0.1 * (n1 + n2), 1e-15);
}

TEST(Adam, FirstStepHasTheSizeOfTheRate) {
  OptimizerConfig config = named("adam");
  config.eps = 0;
  EXPECT_NEAR(after(config, 2, {30}, 0.1), 1.9, 1e-14);
  EXPECT_NEAR(after(config, 2, {-0.003}, 0.1), 2.1, 1e-14);
}

TEST(Adam, FollowsItsFormula) {
  OptimizerConfig config = named("adam");
  config.betas = {0.8, 0.9};
  config.eps = 0.01;
  config.weight_decay = 0.5;
  double p = 2, m = 0, v = 0;
  for (int t = 1; t <= 2; ++t) {
    const double d = 3 + 0.5 * p;
    m = 0.8 * m + 0.2 * d, v = 0.9 * v + 0.1 * d * d;
    p -= 0.1 * (m / (1 - std::pow(0.8, t))) / (std::sqrt(v / (1 - std::pow(0.9, t))) + 0.01);
  }
  EXPECT_NEAR(after(config, 2, {3, 3}, 0.1), p, 1e-14);
}

TEST(Adam, AmsgradRemembersTheLargestSecondMoment) {
  OptimizerConfig config = named("adam");
  config.betas = {0, 0};  // m = d, v = d²
  config.eps = 0;
  EXPECT_NEAR(after(config, 0, {10, 1}, 0.1), -0.1 - 0.1, 1e-14);
  config.amsgrad = true;
  EXPECT_NEAR(after(config, 0, {10, 1}, 0.1), -0.1 - 0.1 * 1 / 10, 1e-14);
}

TEST(AdamW, ShrinksTheParameterInsteadOfTheGradient) {
  OptimizerConfig config = named("adamw");
  config.weight_decay = 0.5;
  config.eps = 0;
  EXPECT_NEAR(after(config, 2, {3}, 0.1), 2 * (1 - 0.1 * 0.5) - 0.1, 1e-14);
}

TEST(Rmsprop, PyTorchPutsEpsOutsideOfTheRootAndTensorFlowInside) {
  OptimizerConfig config = named("rmsprop");
  config.alpha = 0.9;
  config.eps = 0.5;
  EXPECT_NEAR(after(config, 2, {3}, 0.1), 2 - 0.1 * 3 / (std::sqrt(0.1 * 9) + 0.5), 1e-14);
  config.name = "rmsprop_tf";  // the average starts at one
  EXPECT_NEAR(after(config, 2, {3}, 0.1), 2 - 0.1 * 3 / std::sqrt(0.9 + 0.1 * 9 + 0.5), 1e-14);
}

TEST(Rmsprop, TensorFlowKeepsTheRateInTheMomentumBuffer) {
  for (const bool tensorflow : {false, true}) {
    OptimizerConfig config = named(tensorflow ? "rmsprop_tf" : "rmsprop");
    config.momentum = 0.5;
    Tensor t = Tensor::full({2, 2}, 0, DType::f64);
    t.set_requires_grad();
    const Parameter p{"p", t};
    const OptimizerPtr optimizer = build_optimizer(config, {p});
    give_gradient(p, Tensor::full({2, 2}, 1, DType::f64));
    optimizer->step(0.1);
    const double before = t.to_vector<double>()[0];
    give_gradient(p, Tensor::full({2, 2}, 0, DType::f64));
    optimizer->step(0);  // nothing new arrives: what moves the parameter is the buffer
    const double moved = t.to_vector<double>()[0] - before;
    EXPECT_NEAR(moved, tensorflow ? 0.5 * before : 0, 1e-14);
  }
}

TEST(Rmsprop, CenteredDividesByTheDeviation) {
  OptimizerConfig config = named("rmsprop");
  config.centered = true;
  config.alpha = 0.5;
  config.eps = 0.1;
  const double v = 0.5 * 9, mean = 0.5 * 3;
  EXPECT_NEAR(after(config, 2, {3}, 0.1), 2 - 0.1 * 3 / (std::sqrt(v - mean * mean) + 0.1), 1e-14);
}

// A constant gradient has no deviation: rounding must not make it the root of a negative number.
TEST(Rmsprop, CenteredStaysFiniteWithoutDeviation) {
  OptimizerConfig config = named("rmsprop");
  config.centered = true;
  config.alpha = 0.1;
  const std::vector<Parameter> p{parameter("p", {1000}, 1)};
  const Tensor gradient = random_tensor({1000}, 2);
  const OptimizerPtr optimizer = build_optimizer(config, p);
  for (int i = 0; i < 20; ++i) {
    give_gradient(p[0], gradient);
    optimizer->step(1e-6);
  }
  for (const float value : p[0].tensor.to_vector<float>()) EXPECT_TRUE(std::isfinite(value));
}

TEST(Optimizer, ExcludesNormAndBiasFromDecayByOption) {
  for (const bool all : {true, false}) {
    OptimizerConfig config = named("sgd");
    config.momentum = 0;
    config.weight_decay = 0.5;
    config.decay_norm_and_bias = all;
    const std::vector<Parameter> p = some_parameters();
    for (const Parameter& one : p) give_gradient(one, Tensor::zeros(one.tensor.shape()));
    const auto before = values_of(p);
    build_optimizer(config, p)->step(0.1);
    const auto now = values_of(p);
    for (size_t i = 0; i < p.size(); ++i) {
      const bool decays = all || p[i].tensor.rank() > 1;
      EXPECT_FLOAT_EQ(now[i][0], before[i][0] * (decays ? 0.95f : 1.f)) << p[i].name;
    }
  }
}

TEST(Groups, TheLastThatNamesAParameterCountsAlone) {
  for (const OptimizerEntry& entry : optimizer_table()) {
    OptimizerConfig config = entry.defaults;
    config.weight_decay = 0.2;
    config.decay_norm_and_bias = false;
    config.groups = {{.match = "*", .lr_scale = 4},
                     {.match = "bn", .weight_decay = 0.5, .sets_weight_decay = true},
                     {.match = "fc.*", .lr_scale = 0}};
    const std::vector<Parameter> all = some_parameters(DType::f64);
    const OptimizerPtr optimizer = build_optimizer(config, all);
    struct Alone {
      size_t parameter;
      double lr, decay;
    };
    for (const Alone& one : std::vector<Alone>{{0, 0.04, 0.2}, {1, 0.01, 0.5}, {2, 0.01, 0.5}, {3, 0, 0.2}}) {
      OptimizerConfig plain = entry.defaults;
      plain.weight_decay = one.decay;
      Tensor own = all[one.parameter].tensor.clone();
      const Parameter p{all[one.parameter].name, own.set_requires_grad()};
      const OptimizerPtr of_one = build_optimizer(plain, {p});
      for (uint64_t step = 0; step < 3; ++step) {
        const Tensor gradient = random_tensor(p.tensor.shape(), step, DType::f64);
        optimizer->clear_gradients();
        give_gradient(all[one.parameter], gradient);
        give_gradient(p, gradient);
        optimizer->step(0.01);
        of_one->step(one.lr);
      }
      EXPECT_EQ(values_of({all[one.parameter]}), values_of({p})) << entry.name << ", " << p.name;
    }
  }
}

TEST(Groups, APatternThatNamesNoParameterIsRefused) {
  OptimizerConfig config = named("sgd");
  config.groups = {{.match = "*.bais"}, {.match = "bn.bias"}, {.match = "cnv.weight"}};
  const std::string error = error_of([&] { build_optimizer(config, some_parameters()); });
  EXPECT_THAT(error, HasSubstr("optimizer.groups: '*.bais' matches no parameter that trains"));
  EXPECT_THAT(error, HasSubstr("; 'cnv.weight' matches no parameter that trains; did you mean 'conv.weight'?"));
  config.groups = {{.lr_scale = 2}};
  EXPECT_THAT(error_of([&] { build_optimizer(config, some_parameters()); }),
              HasSubstr("optimizer.groups (value 1 of 1) lacks match"));
  config.groups = {{.match = "bn", .lr_scale = -1}};
  EXPECT_THAT(error_of([&] { build_optimizer(config, some_parameters()); }),
              HasSubstr("optimizer.groups (value 1 of 1) lr_scale is -1, but must be at least 0"));
}

TEST(Optimizer, ScalesGradientsBeforeDecay) {
  for (const OptimizerEntry& entry : optimizer_table()) {
    OptimizerConfig config = entry.defaults;
    config.weight_decay = 0.1;
    const std::vector<Parameter> scaled = some_parameters(DType::f64), plain = some_parameters(DType::f64);
    const OptimizerPtr a = build_optimizer(config, scaled), b = build_optimizer(config, plain);
    for (size_t i = 0; i < plain.size(); ++i) {
      const Tensor gradient = random_tensor(plain[i].tensor.shape(), i, DType::f64);
      give_gradient(scaled[i], gradient);
      give_gradient(plain[i], mul(gradient, Tensor::scalar(0.25, DType::f64)));
    }
    a->step(0.01, {}, 0.25);
    b->step(0.01);
    for (size_t i = 0; i < plain.size(); ++i)
      EXPECT_LE(test::largest_difference(scaled[i].tensor, plain[i].tensor), 1e-15) << entry.name;
  }
}

TEST(Optimizer, MomentumOfAStepReplacesTheConfigured) {
  OptimizerConfig config = named("sgd");
  config.weight_decay = 0;
  Tensor t = Tensor::full({1, 1}, 0, DType::f64);
  t.set_requires_grad();
  const OptimizerPtr optimizer = build_optimizer(config, {{"p", t}});
  for (const double momentum : {0.5, 0.25}) {
    give_gradient({"p", t}, Tensor::full({1, 1}, 1, DType::f64));
    optimizer->step(0.1, momentum);
  }
  EXPECT_NEAR(t.item<double>(), -0.1 - 0.1 * (0.25 * 1 + 1), 1e-15);
}

TEST(Optimizer, LeavesParametersWithoutGradientAlone) {
  for (const OptimizerEntry& entry : optimizer_table()) {
    OptimizerConfig config = entry.defaults;
    config.weight_decay = 0.1;
    const std::vector<Parameter> p = some_parameters();
    const auto before = values_of(p);
    const OptimizerPtr optimizer = build_optimizer(config, p);
    give_gradient(p[0], random_tensor(p[0].tensor.shape(), 1));
    optimizer->step(0.1);
    const auto now = values_of(p);
    EXPECT_NE(now[0], before[0]) << entry.name;
    for (size_t i = 1; i < p.size(); ++i) EXPECT_EQ(now[i], before[i]) << entry.name;
    for (const NamedTensor& entry_of : optimizer->state())
      if (entry_of.name == "step.bn.bias") {
        EXPECT_EQ(entry_of.tensor.item<int64_t>(), 0);
      }
    optimizer->clear_gradients();
    optimizer->step(0.1);
    EXPECT_EQ(values_of(p), now) << entry.name << ": no gradient, no step";
  }
}

TEST(Optimizer, NormIsThatOfAllGradientsTogether) {
  const std::vector<Parameter> p = some_parameters();
  const OptimizerPtr optimizer = build_optimizer(named("sgd"), p);
  EXPECT_EQ(optimizer->gradient_norm(), 0);
  give_gradients(p, 5);
  double squares = 0;
  for (const Parameter& one : p)
    for (const double g : one.tensor.grad().to_vector<double>()) squares += g * g;
  EXPECT_NEAR(optimizer->gradient_norm(), std::sqrt(squares), 1e-12);
  give_gradient(p[1], Tensor::full({6}, std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isinf(optimizer->gradient_norm()));
}

TEST(Optimizer, ClipFactorIsOneBelowTheLimit) {
  EXPECT_EQ(clip_factor(5, 0), 1);
  EXPECT_EQ(clip_factor(5, 10), 1);
  EXPECT_EQ(clip_factor(0, 1), 1);
  EXPECT_NEAR(clip_factor(20, 10), 0.5, 1e-6);
}

// Enough elements for several chunks; parameters end inside of them.
TEST(Optimizer, BitsDoNotDependOnThreads) {
  const int before = threads();
  for (const OptimizerEntry& entry : optimizer_table()) {
    std::vector<std::vector<std::vector<float>>> results;
    std::vector<double> norms;
    for (const int count : {1, 2, 3}) {
      set_threads(count);
      std::vector<Parameter> p = some_parameters();
      p.push_back(parameter("big.weight", {331, 97}, 9));
      const OptimizerPtr optimizer = build_optimizer(entry.defaults, p);
      for (uint64_t step = 0; step < 3; ++step) {
        give_gradients(p, 100 * step);
        norms.push_back(optimizer->gradient_norm());
        optimizer->step(0.01);
      }
      results.push_back(values_of(p));
    }
    EXPECT_EQ(results[0], results[1]) << entry.name;
    EXPECT_EQ(results[0], results[2]) << entry.name;
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(norms[i], norms[i + 3]) << entry.name;
  }
  set_threads(before);
}

TEST(Optimizer, RefusesWhatCannotBeTrained) {
  const std::vector<Parameter> p = some_parameters();
  EXPECT_THAT(error_of([&] { build_optimizer({.name = "sdg"}, p); }), HasSubstr("did you mean 'sgd'?"));
  EXPECT_THAT(error_of([&] {
                build_optimizer(named("sgd"), {p[0], p[0]});
              }),
              HasSubstr("two parameters are called conv.weight"));
  EXPECT_THAT(error_of([&] {
                build_optimizer(named("sgd"), {{"n", Tensor::zeros({2}, DType::i64)}});
              }),
              HasSubstr("parameter n is i64"));
  OptimizerConfig nesterov = named("sgd");
  nesterov.nesterov = true, nesterov.momentum = 0;
  EXPECT_THAT(error_of([&] { build_optimizer(nesterov, p); }),
              HasSubstr("optimizer.nesterov needs optimizer.momentum above 0"));

  const OptimizerPtr optimizer = build_optimizer(named("sgd"), p);
  give_gradients(p, 1);
  const auto before = values_of(p);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(error_of([&] { optimizer->step(nan); }), HasSubstr("learning rate is nan"));
  EXPECT_THAT(error_of([&] { optimizer->step(-0.1); }), HasSubstr("learning rate is -0.1"));
  EXPECT_THAT(error_of([&] { optimizer->step(0.1, 1.0); }), HasSubstr("momentum is 1"));
  EXPECT_THAT(error_of([&] { optimizer->step(0.1, {}, nan); }), HasSubstr("gradient scale is nan"));
  EXPECT_EQ(values_of(p), before);
}

}  // namespace
}  // namespace ghost
