// What a convolution keeps of its weights between calls (core/kernels/packed_weights.h).
#include "core/kernels/packed_weights.h"

#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/kernels/isa.h"
#include "core/ops/conv2d.h"
#include "core/parallel.h"
#include "support/kernels.h"
#include "support/programs.h"

namespace ghost::test {
namespace {

Tensor numbers(const Shape& shape, int seed) {
  Tensor t = Tensor::empty(shape);
  for (int64_t i = 0; i < t.numel(); i++) t.mutable_data<float>()[i] = static_cast<float>((i * 37 + seed) % 101 - 50);
  return t;
}
const PackedWeights* kept(const Tensor& weight) { return weight.body()->raw.state->packed.get(); }

class PackedWeightsTest : public testing::Test {
 protected:
  const Kernel rows_{"rows"};
  const Tensor x_ = numbers({2, 5, 6, 12}, 1);
  Tensor weight_ = numbers({20, 3, 3, 6}, 2);

  std::vector<double> result(const Tensor& weight) const {
    return conv2d(x_, weight, {}, {.padding = {1, 1}, .groups = 2}).to_vector<double>();
  }
};

TEST_F(PackedWeightsTest, StayWithTheWeightsWithoutGradients) {
  const NoGrad no_grad;
  const std::vector<double> first = result(weight_);
  const PackedWeights* const packed = kept(weight_);
  ASSERT_NE(packed, nullptr);
  EXPECT_EQ(result(weight_), first);
  EXPECT_EQ(kept(weight_), packed);
}

TEST_F(PackedWeightsTest, OfGroupsThatShareVectorsStayAsWell) {
  const NoGrad no_grad;
  const Tensor weight = numbers({12, 3, 3, 4}, 4);
  const auto run = [&] { return conv2d(x_, weight, {}, {.padding = {1, 1}, .groups = 3}).to_vector<double>(); };
  const std::vector<double> first = run();
  const PackedWeights* const packed = kept(weight);
  ASSERT_NE(packed, nullptr);
  EXPECT_EQ(run(), first);
  EXPECT_EQ(kept(weight), packed);
}

TEST_F(PackedWeightsTest, AreMadeAnewWhenTheWeightsChange) {
  const NoGrad no_grad;
  const std::vector<double> before = result(weight_);
  weight_.mutable_data<float>()[17] += 1;
  const std::vector<double> after = result(weight_);
  EXPECT_NE(after, before);
  EXPECT_EQ(after, result(weight_.clone()));
  weight_.copy_from(numbers({20, 3, 3, 6}, 3));
  EXPECT_EQ(result(weight_), result(numbers({20, 3, 3, 6}, 3)));
}

TEST_F(PackedWeightsTest, AreNotKeptInTraining) {
  std::vector<double> first;
  {
    const NoGrad no_grad;
    first = result(weight_);
  }
  ASSERT_NE(kept(weight_), nullptr);
  EXPECT_EQ(result(weight_), first);
  EXPECT_EQ(kept(weight_), nullptr) << "a training step gives their memory back";
}

TEST_F(PackedWeightsTest, AreOneForEachGroupingAndInstructionSet) {
  const NoGrad no_grad;
  const Tensor wide = numbers({2, 5, 6, 6}, 4);
  const auto dense = [&](const Tensor& w) { return conv2d(wide, w, {}, {.padding = {1, 1}}).to_vector<double>(); };
  const std::vector<double> grouped = result(weight_), want = dense(weight_.clone());
  EXPECT_EQ(dense(weight_), want);
  EXPECT_EQ(result(weight_), grouped);
  for (const std::string& isa : available_isas()) {
    const Isa forced(isa);
    EXPECT_EQ(result(weight_), result(weight_.clone())) << isa;
  }
}

TEST_F(PackedWeightsTest, MayBeAskedForBySeveralThreads) {
  std::vector<double> want;
  {
    const NoGrad no_grad;
    want = result(weight_.clone());
  }
  const Threads four(4);
  constexpr int64_t kCalls = 64;
  std::vector<char> same(kCalls);
  parallel_for(kCalls, [&](int64_t i) {
    const NoGrad no_grad;
    same[static_cast<size_t>(i)] = result(weight_) == want;
  });
  for (const char s : same) EXPECT_TRUE(s);
}

}  // namespace
}  // namespace ghost::test
