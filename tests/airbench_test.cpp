// The layer that whitens, and the network that begins with it.
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "nn/data_init.h"
#include "nn/freeze.h"
#include "nn/init.h"
#include "nn/layers/whitening_conv.h"
#include "nn/models/registry.h"
#include "support/modules.h"
#include "support/tensors.h"

namespace ghost {
namespace {

using testing::HasSubstr;

// Noise of which neighbours share a part, so that pixels of a patch are correlated.
Tensor correlated_images(int64_t count, int64_t side, int64_t channels) {
  const Tensor noise = test::random_tensor({count, side, side, channels}, 3);
  std::vector<float> values = noise.to_vector<float>();
  for (size_t i = values.size() - 1; i >= static_cast<size_t>(channels); --i)
    values[i] += 0.8f * values[i - static_cast<size_t>(channels)] + 0.3f * values[i - 1];
  return Tensor::from(values, noise.shape());
}

TEST(WhiteningConv, MakesPatchesUncorrelatedWithUnitVariance) {
  const Tensor images = correlated_images(200, 10, 2);
  const WhiteningConv::Options options{.in = 2, .kernel = 2, .eps = 1e-9};
  WhiteningConv layer(options);
  layer.initialise(0);
  layer.initialise_from(images);
  for (const Parameter& p : layer.own_parameters())
    if (p.name == "bias") {
      EXPECT_EQ(test::largest_magnitude(p.tensor), 0);
    }
  const NoGrad constant;
  const Tensor y = layer(images);
  ASSERT_EQ(y.shape(), Shape({200, 9, 9, 16}));
  const std::vector<float> values = y.to_vector<float>();
  const size_t n = 8, out = 16, pixels = values.size() / out;
  for (size_t a = 0; a < n; ++a)
    for (size_t b = 0; b <= a; ++b) {
      double sum = 0;
      for (size_t p = 0; p < pixels; ++p)
        sum += static_cast<double>(values[p * out + a]) * static_cast<double>(values[p * out + b]);
      EXPECT_NEAR(sum / static_cast<double>(pixels), a == b ? 1 : 0, 1e-3) << a << " and " << b;
    }
  for (size_t p = 0; p < pixels; ++p)
    for (size_t a = 0; a < n; ++a) ASSERT_NEAR(values[p * out + n + a], -values[p * out + a], 1e-4);
}

TEST(WhiteningConv, TrainsItsBiasAlone) {
  WhiteningConv layer({.in = 3});
  const std::vector<Parameter> trained = trainable_parameters(layer);
  ASSERT_EQ(trained.size(), 1U);
  EXPECT_EQ(trained[0].name, "bias");
  EXPECT_THAT(test::error_of([&] {
                layer.initialise_from(Tensor::zeros({4, 1, 8, 3}));
              }),
              HasSubstr("WhiteningConv: expects images (N, H, W, 3) of at least 2×2 pixels"));
}

TEST(Dirac, FirstFiltersPassTheirChannelOn) {
  Conv2d conv({.in = 3, .out = 5, .kernel = 3, .padding = 1, .bias = false, .dirac = true});
  conv.initialise(1);
  const NoGrad constant;
  const Tensor x = test::random_tensor({1, 4, 4, 3}, 2);
  const std::vector<float> in = x.to_vector<float>(), out = conv(x).to_vector<float>();
  double others = 0;
  for (size_t p = 0; p < 16; ++p) {
    for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(out[p * 5 + c], in[p * 3 + c], 1e-6);
    others += std::abs(static_cast<double>(out[p * 5 + 3]));
  }
  EXPECT_GT(others, 0) << "the rest starts at random";
}

// What the counts do not tell: identities at the start, and logits that are a ninth of the linear layer's.
TEST(Airbench, StartsWithIdentitiesAndScalesItsLogits) {
  const ModulePtr model = build_model({.name = "airbench", .num_classes = 4, .width = 0.5}, 1);
  std::map<std::string, Tensor> parameters;
  for (const Parameter& p : model->parameters()) parameters[p.name] = p.tensor;
  const Tensor& weight = parameters.at("3.conv1.weight");  // (128, 3, 3, 32)
  ASSERT_EQ(weight.shape(), Shape({128, 3, 3, 32}));
  const std::vector<float> values = weight.to_vector<float>();
  for (size_t filter = 0; filter < 32; ++filter)
    for (size_t i = 0; i < 288; ++i)
      ASSERT_EQ(values[filter * 288 + i], i == 4 * 32 + filter ? 1.0f : 0.0f) << filter << ", " << i;

  const NoGrad constant;
  model->eval();
  Tensor head_input;
  {
    const ForwardObserver observer([&](Module& module, const Tensor& x, const Tensor&) {
      if (module.path() == "7") head_input = x;
    });
    const Tensor logits = (*model)(test::random_tensor({2, 16, 16, 3}, 1));
    const std::vector<double> z = logits.to_vector<double>(), in = head_input.to_vector<double>(),
                              w = parameters.at("7.weight").to_vector<double>();
    ASSERT_EQ(head_input.shape(), Shape({2, 128}));
    for (size_t n = 0; n < 2; ++n)
      for (size_t k = 0; k < 4; ++k) {
        double sum = 0;
        for (size_t c = 0; c < 128; ++c) sum += in[n * 128 + c] * w[k * 128 + c];
        EXPECT_NEAR(z[n * 4 + k], sum / 9, 1e-5);
      }
  }
}

TEST(Airbench, HasThePublishedSizeAndFreezesTheScalesOfBatchNorm) {
  const ModulePtr model = build_model({.name = "airbench", .num_classes = 10}, 0);
  int64_t all = 0, trained = 0;
  for (const Parameter& p : model->parameters()) all += p.tensor.numel();
  for (const Parameter& p : trainable_parameters(*model)) trained += p.tensor.numel();
  EXPECT_EQ(all, 1972792);
  EXPECT_EQ(all - trained, 24 * 12 + 2 * (64 + 256 + 256));
  const ModulePtr small = build_model({.name = "airbench", .num_classes = 4, .in_channels = 1, .width = 0.125}, 0);
  const NoGrad constant;
  small->eval();
  EXPECT_EQ((*small)(test::random_tensor({2, 9, 9, 1}, 1)).shape(), Shape({2, 4}));
}

}  // namespace
}  // namespace ghost
