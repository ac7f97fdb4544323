// Muon against its formula and the iteration as it is written.
#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>

#include "core/ops/arithmetic.h"
#include "support/modules.h"
#include "support/optimizers.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

using test::give_gradient;
using test::give_gradients;
using test::named;
using test::parameter;
using test::random_tensor;
using test::values_of;

using Rows = std::vector<std::vector<double>>;

Rows product(const Rows& a, const Rows& b) {
  Rows c(a.size(), std::vector<double>(b[0].size()));
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < b[0].size(); ++j)
      for (size_t k = 0; k < b.size(); ++k) c[i][j] += a[i][k] * b[k][j];
  return c;
}

Rows transposed(const Rows& a) {
  Rows t(a[0].size(), std::vector<double>(a.size()));
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < a[0].size(); ++j) t[j][i] = a[i][j];
  return t;
}

// The iteration as it is written: x ← a·x + (b·G + c·G²)·x, G = x·xᵀ.
Rows orthogonalised(Rows x, int steps) {
  double squares = 0;
  for (const auto& row : x)
    for (const double v : row) squares += v * v;
  for (auto& row : x)
    for (double& v : row) v /= std::sqrt(squares);
  for (int step = 0; step < steps; ++step) {
    const Rows g = product(x, transposed(x)), gx = product(g, x), ggx = product(g, gx);
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t j = 0; j < x[0].size(); ++j) x[i][j] = 3.4445 * x[i][j] - 4.775 * gx[i][j] + 2.0315 * ggx[i][j];
  }
  return x;
}

Rows rows_of(const Tensor& t) {
  Rows rows(static_cast<size_t>(t.size(0)));
  const std::vector<double> values = t.to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) rows[i * rows.size() / values.size()].push_back(values[i]);
  return rows;
}

TEST(Muon, OrthogonalisesWideAndTallMatricesAndConvolutions) {
  for (const Shape& shape :
       {Shape{5, 9}, Shape{9, 5}, Shape{6, 6}, Shape{4, 3, 3, 2}, Shape{40, 1, 1, 3}, Shape{1, 7}}) {
    OptimizerConfig config = named("muon");
    config.nesterov = false;
    config.weight_decay = 0.5;
    const Parameter p = parameter("p", shape, 1, DType::f64);
    const Rows before = rows_of(p.tensor);
    const Tensor gradient = random_tensor(shape, 2, DType::f64);
    const OptimizerPtr optimizer = build_optimizer(config, {p});
    give_gradient(p, gradient);
    optimizer->step(0.1);
    const Rows want = orthogonalised(rows_of(gradient), 5), now = rows_of(p.tensor);
    const double o = static_cast<double>(want.size()), rest = static_cast<double>(want[0].size());
    for (size_t i = 0; i < want.size(); ++i)
      for (size_t j = 0; j < want[0].size(); ++j)
        EXPECT_NEAR(now[i][j], before[i][j] * (1 - 0.1 * 0.5) - 0.1 * std::sqrt(std::max(1.0, o / rest)) * want[i][j],
                    1e-11)
            << shape.str();
  }
}

// The singular values of what it gives lie around one, whatever those of the gradient were.
TEST(Muon, UpdatesAreNearlyOrthogonalAtAnySizeOfTheGradient) {
  for (const double size : {1e-3, 1.0, 1e6}) {
    OptimizerConfig config = named("muon");
    config.weight_decay = 0;
    config.adjust_lr_fn = "match_rms_adamw";
    Tensor t = Tensor::zeros({8, 20});
    t.set_requires_grad();
    const OptimizerPtr optimizer = build_optimizer(config, {{"p", t}});
    give_gradient({"p", t}, mul(random_tensor({8, 20}, 3), Tensor::scalar(size)));
    optimizer->step(1);
    const Rows x = rows_of(t), gram = product(x, transposed(x));
    const double unit = 0.04 * 20;  // (0.2·√20)²
    double trace = 0;
    for (size_t i = 0; i < 8; ++i) trace += gram[i][i] / unit;
    EXPECT_GT(trace, 8 * 0.45) << size;
    EXPECT_LT(trace, 8 * 1.45) << size;
  }
}

TEST(Muon, AGradientOfZerosMovesNothing) {
  OptimizerConfig config = named("muon");
  config.weight_decay = 0;
  const std::vector<Parameter> p{parameter("p", {3, 4}, 1)};
  const auto before = values_of(p);
  const OptimizerPtr optimizer = build_optimizer(config, p);
  give_gradient(p[0], Tensor::zeros({3, 4}));
  optimizer->step(0.1);
  EXPECT_EQ(values_of(p), before);
}

TEST(Muon, ParametersWithOneAxisGoByTheOtherRule) {
  for (const char* other : {"adamw", "sgd"}) {
    OptimizerConfig config = named("muon");
    config.other = other;
    config.other_lr_scale = 0.5;
    OptimizerConfig alone = named(other);
    alone.betas = config.betas, alone.eps = config.eps, alone.weight_decay = config.weight_decay;
    alone.momentum = config.momentum, alone.nesterov = config.nesterov;
    const std::vector<Parameter> p{parameter("w", {3, 4}, 1), parameter("b", {5}, 2)}, q{parameter("b", {5}, 2)};
    const OptimizerPtr both = build_optimizer(config, p), one = build_optimizer(alone, q);
    for (uint64_t step = 0; step < 3; ++step) {
      give_gradients(p, 10 * step);
      give_gradient(q[0], p[1].tensor.grad());
      both->step(0.1);
      one->step(0.05);
    }
    EXPECT_EQ(values_of(p)[1], values_of(q)[0]) << other;
  }
}

}  // namespace
}  // namespace ghost
