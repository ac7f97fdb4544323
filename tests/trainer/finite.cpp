// The search for NaN and infinity.
#include "nn/finite.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "core/ops/shape_ops.h"
#include "nn/models/registry.h"
#include "support/modules.h"

namespace ghost {
namespace {

TEST(Finite, FindsWhatIsNot) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(all_finite(Tensor::from<float>({0, -1, std::numeric_limits<float>::max()}, {3})));
  EXPECT_TRUE(all_finite(Tensor::from<float>({std::numeric_limits<float>::denorm_min()}, {1})));
  EXPECT_FALSE(all_finite(Tensor::from<float>({0, nan, 1}, {3})));
  EXPECT_FALSE(all_finite(Tensor::from<float>({0, 1, -infinity}, {3})));
  EXPECT_FALSE(all_finite(Tensor::from<double>({1, 2, 3, std::nan("")}, {2, 2})));
  EXPECT_TRUE(all_finite(Tensor::from<double>({1e300}, {1})));
  EXPECT_TRUE(all_finite(Tensor::from<int64_t>({std::numeric_limits<int64_t>::min()}, {1})));
  EXPECT_TRUE(all_finite(Tensor::zeros({0, 3})));
  // A channel slice looks at its own channels only.
  const Tensor wide = Tensor::from<float>({1, nan, 2, nan}, {2, 2});
  EXPECT_TRUE(all_finite(slice_channels(wide, 0, 1)));
  EXPECT_FALSE(all_finite(slice_channels(wide, 1, 1)));
}

TEST(Finite, NamesTheFirstBadGradientInTheOrderOfBackward) {
  ModelConfig config;
  config.name = "plain_cnn";
  config.channels = {4};
  const ModulePtr model = build_model(config, 0);
  EXPECT_EQ(first_bad_gradient(*model), "") << "there is none yet";
  const Tensor logits = (*model)(test::random_tensor({2, 8, 8, 3}, 1));
  logits.backward(Tensor::full(logits.shape(), 1));
  EXPECT_EQ(first_bad_gradient(*model), "");
  EXPECT_EQ(first_bad_parameter(*model), "");
  const Tensor again = (*model)(test::random_tensor({2, 8, 8, 3}, 1));
  again.backward(Tensor::full(again.shape(), std::numeric_limits<double>::infinity()));
  EXPECT_EQ(first_bad_gradient(*model), model->parameters().back().name);
  model->parameters()[1].tensor.mutable_data<float>()[0] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(first_bad_parameter(*model), model->parameters()[1].name);
}

}  // namespace
}  // namespace ghost
