// A training loop of one's own: the library without its trainer.
//   own_loop                    Fashion-MNIST, 2,000 images
//   own_loop FOLDER             a folder with IDX files of one's own
#include <cstdio>

#include "core/ops/cross_entropy.h"
#include "core/rng.h"
#include "data/loader.h"
#include "nn/models/registry.h"
#include "train/network/evaluator.h"
#include "train/optim/optimizer.h"

using namespace ghost;

int main(int argc, char** argv) try {
  constexpr uint64_t kSeed = 1;
  DataConfig source{.name = "fashion_mnist", .limit_train = 2000, .limit_test = 500};
  if (argc > 1) source = {.name = "idx", .root = argv[1]};
  const DataSplits data = open_data(source, kSeed);
  Loader training(data.train, data, {{"crop_padding", 2}, {"flip", true}}, {.batch_size = 32, .training = true});
  Loader testing(data.test, data, {}, {.batch_size = 250});

  const ModulePtr model = build_model({.name = "plain_cnn",
                                       .num_classes = std::ssize(data.train->class_names()),
                                       .in_channels = data.channels,
                                       .channels = {8, 16, 32}},
                                      kSeed);
  const OptimizerPtr optimizer = build_optimizer({.momentum = 0.9, .weight_decay = 5e-4}, model->parameters());

  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    double sum = 0;
    int64_t steps = 0;
    training.start(epoch);
    while (const auto batch = training.next()) {
      optimizer->clear_gradients();
      const Tensor loss = cross_entropy((*model)(batch->images), batch->labels);
      loss.backward();
      optimizer->step(0.05);
      sum += loss.item<double>(), ++steps;
    }
    const auto test = evaluate(*model, testing);
    std::printf("epoch %lld  loss %.4f  test accuracy %.1f %%\n", static_cast<long long>(epoch + 1),
                sum / static_cast<double>(steps), test->sums.top1_percent());
  }
} catch (const Error& error) {
  std::fprintf(stderr, "own_loop: %s\n", error.what());
  return 1;
}
