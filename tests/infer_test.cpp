// Answers of a model in parts (nn/infer.h).
#include "nn/infer.h"

#include <algorithm>
#include <gmock/gmock.h>

#include "core/ops/reduce.h"
#include "core/ops/shape_ops.h"
#include "nn/layers/conv2d.h"
#include "nn/models/registry.h"
#include "support/modules.h"

namespace ghost {
namespace {

ModulePtr network(const std::string& name, double width = 1) {
  ModelConfig config{.name = name, .num_classes = 10, .in_channels = 3};
  if (name == "ghostnet") config.width = width;
  return build_model(config, 1);
}

Tensor random_images(const Shape& shape) { return test::random_tensor(shape, 3); }

// Numbers of images of the calls that a model gets.
class Calls {
 public:
  explicit Calls(const Module& of)
      : observer_([this, &of](Module& module, const Tensor& x, const Tensor&) {
          if (&module == &of) sizes_.push_back(x.size(0));
        }) {}
  const std::vector<int64_t>& sizes() const { return sizes_; }

 private:
  std::vector<int64_t> sizes_;
  ForwardObserver observer_;
};

TEST(ImagesAtOnce, AreToldByTheirSizeAndTheParameters) {
  const ModulePtr small = network("mini_group_net"), large = network("vgg");
  EXPECT_EQ(images_at_once(*small, {32, 32, 3}), 64);
  EXPECT_EQ(images_at_once(*small, {32, 16, 3}), 128);
  EXPECT_EQ(images_at_once(*small, {64, 64, 3}), 16);
  EXPECT_EQ(images_at_once(*small, {224, 224, 3}), 8);
  EXPECT_EQ(images_at_once(*small, {1, 1, 3}), 65536);
  EXPECT_GE(images_at_once(*large, {32, 32, 3}), 128);
  EXPECT_EQ(images_at_once(*large, {256, 256, 3}), 8);
}

TEST(Infer, AnswersAsTheWholeBatchWould) {
  const ModulePtr model = network("ghostnet", 0.25);
  model->train();
  const Tensor images = random_images({19, 96, 96, 3});
  const Calls calls(*model);
  const Tensor answers = infer(*model, images);
  EXPECT_THAT(calls.sizes(), testing::ElementsAre(6, 6, 7));
  EXPECT_TRUE(model->training());
  EXPECT_FALSE(answers.requires_grad());
  model->eval();
  const NoGrad no_grad;
  EXPECT_EQ(answers.shape(), (Shape{19, 10}));
  const std::vector<double> whole = (*model)(images).to_vector<double>();
  EXPECT_THAT(answers.to_vector<double>(), testing::Pointwise(testing::DoubleNear(1e-5), whole));
  EXPECT_GT(*std::max_element(whole.begin(), whole.end()), 1e-3);  // nothing, or nearly, would be alike anyway
}

TEST(Infer, TakesAFewImagesAtOnce) {
  const ModulePtr model = network("ghostnet", 0.25);
  const Calls calls(*model);
  EXPECT_EQ(infer(*model, random_images({8, 96, 96, 3})).shape(), (Shape{8, 10}));
  EXPECT_THAT(calls.sizes(), testing::ElementsAre(8));
}

TEST(Infer, TakesPartsOfWhateverLiesInMemory) {
  Conv2d model({.in = 4, .out = 5, .kernel = {3, 3}});
  model.initialise(1);
  const Tensor images = random_images({9, 100, 96, 4});
  const std::vector<double> packed = infer(model, images).to_vector<double>();
  const Tensor left = slice(images, {{}, {}, {}, {.stop = 1}}), right = slice(images, {{}, {}, {}, {.start = 1}});
  EXPECT_EQ(infer(model, cat({left, right})).to_vector<double>(), packed);
  const Tensor wide = cat({random_images({9, 100, 96, 3}), images}).clone();
  EXPECT_EQ(infer(model, slice_channels(wide, 3, 4)).to_vector<double>(), packed);
  const NoGrad no_grad;
  EXPECT_EQ(model(images).to_vector<double>(), packed);
}

// The mean over everything.
class Average final : public Module {
 public:
  const char* kind() const override { return "Average"; }

 protected:
  Tensor forward(const Tensor& x) override { return mean(x, {0, 1, 2}); }
};

TEST(Infer, RefusesAnswersThatAreNotOneForEachImage) {
  Average model;
  EXPECT_EQ(test::error_of([&] {
              infer(model, random_images({18, 96, 96, 3}));
            }),
            "Average: makes (3) of 6 images; one answer for each, in the first dimension, was expected");
}

}  // namespace
}  // namespace ghost
