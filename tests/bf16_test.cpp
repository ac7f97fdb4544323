// Activations stored as bf16: rounding, passes of every instruction set, whole networks.
#include <bit>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>

#include "core/half.h"
#include "core/kernels/bf16_products.h"
#include "core/kernels/isa.h"
#include "core/kernels/rows.h"
#include "core/numerics.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/cast.h"
#include "core/ops/conv2d.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/pool.h"
#include "core/rng.h"
#include "nn/models/registry.h"
#include "support/kernels.h"
#include "support/modules.h"
#include "support/programs.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

using test::error_of;
using test::random_tensor;
using testing::HasSubstr;

class StoredAs {
 public:
  explicit StoredAs(DType type) : before_(activation_type()) { set_activation_type(type); }
  ~StoredAs() { set_activation_type(before_); }
  StoredAs(const StoredAs&) = delete;
  StoredAs& operator=(const StoredAs&) = delete;

 private:
  DType before_;
};

// Every number of bf16, and floats between two of them.
std::vector<float> awkward_floats() {
  std::vector<float> values;
  for (uint32_t upper = 0; upper < 0x10000; ++upper)
    for (const uint32_t lower : {0x0000U, 0x0001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU})
      values.push_back(std::bit_cast<float>(upper << 16 | lower));
  return values;
}

TEST(Bf16, RoundsToTheNearestAndToEvenInTheMiddle) {
  for (const float v : awkward_floats()) {
    const float r = from_bf16(to_bf16(v));
    if (std::isnan(v)) {
      EXPECT_TRUE(std::isnan(r));
      continue;
    }
    const auto u = std::bit_cast<uint32_t>(v);
    const float down = std::bit_cast<float>(u & 0xFFFF0000U), up = std::bit_cast<float>((u & 0xFFFF0000U) + 0x10000U);
    const uint32_t rest = u & 0xFFFFU;
    const bool even_is_down = (u >> 16 & 1U) == 0;
    const float want = rest < 0x8000U || (rest == 0x8000U && even_is_down) ? down : up;
    EXPECT_EQ(std::bit_cast<uint32_t>(r), std::bit_cast<uint32_t>(want)) << v;
  }
}

TEST(Bf16, EveryInstructionSetStoresWhatTheDefinitionSays) {
  const std::vector<float> values = awkward_floats();
  const auto count = static_cast<int64_t>(values.size());
  for (const std::string& isa : available_isas()) {
    const test::Isa set(isa);
    for (const int64_t c : {1, 3, 8, 16, 17, 24, 40, 64}) {
      const int64_t pixels = count / c;
      std::vector<bf16> stored(static_cast<size_t>(pixels * (c + 1)), bf16{0x1234});
      passes<bf16>().put(stored.data(), c + 1, values.data(), c, pixels, c, false);
      std::vector<float> back(static_cast<size_t>(pixels * c));
      passes<bf16>().stage({back.data(), 0, c}, {stored.data(), 0, c + 1}, 1, pixels, c, nullptr);
      for (int64_t p = 0; p < pixels; ++p) {
        for (int64_t k = 0; k < c; ++k) {
          const auto i = static_cast<size_t>(p * c + k);
          const uint16_t want = to_bf16(values[i]);
          ASSERT_EQ(stored[static_cast<size_t>(p * (c + 1) + k)].bits, want) << isa << " of " << values[i];
          ASSERT_EQ(std::bit_cast<uint32_t>(back[i]), std::bit_cast<uint32_t>(from_bf16(want))) << isa;
        }
        ASSERT_EQ(stored[static_cast<size_t>(p * (c + 1) + c)].bits, 0x1234) << isa << " wrote beside its channels";
      }
    }
  }
}

TEST(Bf16, CastRoundsAndItsGradientGoesBack) {
  const Tensor x = random_tensor({2, 3, 4, 5}, "x", -3, 3, DType::f32).set_requires_grad();
  const Tensor y = cast(x, DType::bf16);
  EXPECT_EQ(y.dtype(), DType::bf16);
  const std::vector<float> from = x.to_vector<float>(), to = y.to_vector<float>();
  for (size_t i = 0; i < from.size(); ++i) EXPECT_EQ(to[i], from_bf16(to_bf16(from[i])));
  const Tensor seed = random_tensor(x.shape(), "seed").to(DType::bf16);
  y.backward(seed);
  EXPECT_EQ(x.grad().dtype(), DType::f32);
  EXPECT_EQ(x.grad().to_vector<float>(), seed.to_vector<float>());
  EXPECT_EQ(cast(y, DType::bf16).body(), y.body()) << "of its own type nothing happens";
  EXPECT_THAT(error_of([] { cast(Tensor::zeros({2}, DType::i64), DType::bf16); }), HasSubstr("i64 to bf16"));
}

// Maps are stored as bf16; a mean over images, what is made of it, parameters and their gradients are f32.
TEST(Bf16, HoldsForMapsOnly) {
  const StoredAs bf16(DType::bf16);
  const Tensor x = random_tensor({2, 6, 6, 4}, "x", -1, 1, DType::f32);
  const Tensor w = random_tensor({8, 3, 3, 4}, "w", -1, 1, DType::f32).set_requires_grad();
  const Tensor map = relu(conv2d(x, w, {}, {.padding = {1, 1}}));
  EXPECT_EQ(map.dtype(), DType::bf16);
  const Tensor mean = global_avg_pool(map);
  EXPECT_EQ(mean.dtype(), DType::f32);
  const Tensor gate = sigmoid(conv2d(mean, random_tensor({8, 1, 1, 8}, "squeeze", -1, 1, DType::f32)));
  EXPECT_EQ(gate.dtype(), DType::f32);
  const Tensor gated = mul(map, gate);
  EXPECT_EQ(gated.dtype(), DType::bf16);
  EXPECT_EQ(add(gated, map).dtype(), DType::bf16);
  global_avg_pool(gated).backward(Tensor::full({2, 1, 1, 8}, 1.0));
  EXPECT_EQ(w.grad().dtype(), DType::f32);
  EXPECT_EQ(conv2d(x.to(DType::f64), w.to(DType::f64)).dtype(), DType::f64) << "f64 is for proofs";
}

TEST(Bf16, IsOneOfTwoTypesThatActivationsHave) {
  EXPECT_THAT(error_of([] { set_activation_type(DType::f64); }), HasSubstr("f32 or bf16, not f64"));
}

struct Trained {
  std::vector<double> losses;
  std::vector<std::vector<float>> values;
};
Trained trained(const ModelConfig& config, int threads, int64_t steps) {
  constexpr int64_t kBatch = 8;
  const test::Threads setting(threads);
  const ModulePtr model = build_model(config, 1);
  const OptimizerPtr optimizer = build_optimizer({.lr = 0.02}, model->parameters());
  std::vector<int64_t> classes;
  for (int64_t i = 0; i < kBatch; i++) classes.push_back(i % 10);
  const Tensor images = random_tensor({kBatch, 32, 32, 3}, "images", -1, 1, DType::f32);
  Trained result;
  for (int64_t i = 0; i < steps; i++) {
    const StepScope scope(1, static_cast<uint64_t>(i));
    optimizer->clear_gradients();
    const Tensor loss = cross_entropy((*model)(images), Tensor::from<int64_t>(classes, {kBatch}));
    loss.backward();
    optimizer->step(0.02);
    result.losses.push_back(loss.item<double>());
  }
  for (const Parameter& p : model->parameters()) result.values.push_back(p.tensor.to_vector<float>());
  return result;
}

class Bf16Networks : public testing::TestWithParam<ModelConfig> {};

TEST_P(Bf16Networks, GiveTheSameBitsOnAnyNumberOfThreads) {
  const StoredAs bf16(DType::bf16);
  for (const std::string& isa : available_isas()) {
    const test::Isa set(isa);
    const auto one = trained(GetParam(), 1, 2);
    for (const int threads : {2, 4}) EXPECT_EQ(trained(GetParam(), threads, 2).values, one.values) << isa;
  }
}

TEST_P(Bf16Networks, LearnAsThoseOfF32Do) {
  const Trained wide = trained(GetParam(), 2, 8);
  const StoredAs bf16(DType::bf16);
  const Trained narrow = trained(GetParam(), 2, 8);
  for (size_t i = 0; i < wide.losses.size(); ++i)
    EXPECT_NEAR(narrow.losses[i], wide.losses[i], 0.05 * (1 + wide.losses[i])) << "step " << i;
  EXPECT_LT(narrow.losses.back(), 0.8 * narrow.losses.front());
  EXPECT_NE(narrow.values, wide.values) << "the setting does something";
}

INSTANTIATE_TEST_SUITE_P(All, Bf16Networks,
                         testing::Values(ModelConfig{.name = "ghostnet", .width = 0.5, .stem_stride = 1},
                                         ModelConfig{.name = "resnet", .depth = 20},
                                         ModelConfig{.name = "mini_group_net"},
                                         ModelConfig{.name = "vgg", .depth = 11}),
                         [](const auto& network) { return network.param.name; });

}  // namespace
}  // namespace ghost
