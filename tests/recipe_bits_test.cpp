// All parts of today's recipes at once: they give the same bits on any number of threads and loader workers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/programs.h"
#include "support/room.h"
#include "train/loop/trainer.h"

namespace ghost {
namespace {

const std::vector<std::string> kEverything{"train.epochs=3",
                                           "model.drop_path=0.3",
                                           "model.name=resnet",
                                           "model.depth=20",
                                           "train.ema.decay=0.9",
                                           "train.lookahead.steps=2",
                                           "train.label_smoothing=0.1",
                                           "train.accumulate=2",
                                           "optimizer.groups=[{match: \"*.bias\", lr_scale: 4, weight_decay: 0}]",
                                           "data.image_size=[[0, 6], [1, 8]]",
                                           "data.augment.flip=alternate",
                                           "data.augment.crop_padding_mode=reflect",
                                           "data.augment.rand_augment.number=2",
                                           "data.augment.random_erasing.probability=0.5",
                                           "data.augment.random_erasing.value=noise",
                                           "data.augment.cutout=2",
                                           "data.augment.mixup.alpha=0.4",
                                           "data.augment.cutmix.alpha=1"};

struct Bits {
  std::map<std::string, std::vector<double>> values;
  Progress progress;
};

Bits trained(const test::Room& room, const std::string& name, const std::vector<std::string>& more) {
  std::vector<std::string> sets = kEverything;
  sets.insert(sets.end(), more.begin(), more.end());
  const RunDir dir = room.run_dir(name);
  Trainer(room.config(sets), {}).run(dir);
  const Checkpoint checkpoint = read_checkpoint(dir.last());
  Bits bits{.values = {}, .progress = checkpoint.progress};
  for (const auto& [section, tensors] : checkpoint.tensors)
    for (const NamedTensor& t : tensors)
      if (is_floating(t.tensor.dtype())) bits.values[section + "/" + t.name] = t.tensor.to_vector<double>();
  return bits;
}

TEST(RecipeBits, DoNotDependOnThreadsOrWorkers) {
  const test::Room room({.train = 48, .test = 16});
  const Bits one = trained(room, "one", {"run.threads=1", "data.workers=0"});
  size_t averaged = 0;
  for (const auto& [name, values] : one.values) averaged += name.starts_with("ema/") || name.starts_with("lookahead/");
  EXPECT_GT(averaged, 20U) << "both averages are kept";
  for (const int threads : {2, 4}) {
    const test::Threads setting(1);  // gives back the number it found
    const Bits other = trained(room, "threads" + std::to_string(threads),
                               {"run.threads=" + std::to_string(threads), "data.workers=" + std::to_string(threads)});
    EXPECT_EQ(other.progress, one.progress);
    EXPECT_EQ(other.values, one.values) << threads << " threads and workers";
  }
  EXPECT_NE(trained(room, "seed", {"run.seed=4"}).values, one.values);
}

}  // namespace
}  // namespace ghost
