#include "data/registry.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <optional>

#include "data/cifar.h"
#include "data/file.h"
#include "data/idx.h"
#include "data/image_folder.h"
#include "data/splits.h"

namespace ghost {

void describe_loading(int64_t& workers, int64_t& prefetch, double& max_unreadable, Description& d,
                      const std::string& prefix) {
  d.field(prefix + "workers", &workers, "threads that load and transform; 0: the thread that trains",
          rule::at_least(0, 1024));
  d.field(prefix + "prefetch", &prefetch, "batches ready ahead of the step", rule::at_least(1, 1024));
  d.field(prefix + "max_unreadable", &max_unreadable, "share of images that may fail to decode", rule::share());
}

void describe(DataConfig& c, Description& d) {
  d.name(&c.name, "which data set", alternatives_of(dataset_table()));
  d.field("root", &c.root, "folder of its files, relative to the working directory; empty: the usual place",
          rule::of_data({}));
  FieldRule sizes = rule::of_data(rule::at_least(0, 4096));
  sizes.over_epochs = &c.image_sizes;
  d.field("image_size", &c.image_size, "side of the input, or [[epoch, side], …] to grow; 0: the data set's own",
          sizes);
  d.field("resize", &c.resize, "shorter side before the centre crop; 0: the usual one",
          rule::of_data(rule::at_least(0, 8192)));
  d.field("channels", &c.channels, "1: grey, 3: RGB, 0: the data set's own",
          rule::of_data(rule::one_of({"0", "1", "3"})));
  d.field("mean", &c.mean, "of values in 0..1, per channel; []: the usual", rule::of_data(rule::pixels(false)));
  d.field("std", &c.std, "standard deviation, as mean; []: the usual", rule::of_data(rule::pixels(true)));
  describe_loading(c.workers, c.prefetch, c.max_unreadable, d);
  d.field("test_share", &c.test_share, "kept for testing, by names, where there is no val/ or test/",
          {.limits = {.least = 0, .most = 1, .above = true, .below = true}});
  d.field("validation_share", &c.validation_share,
          "of the training images, by names: validation images where there are none", rule::below_one());
  d.field("limit_train", &c.limit_train, "training images to use, of all classes, a seeded choice; 0: all",
          rule::at_least(0, 1e12));
  d.field("limit_test", &c.limit_test, "test images (and validation images) to use, the same for every seed; 0: all",
          rule::at_least(0, 1e12));
  d.section("augment", "random changes of training images", c.augment);
  d.section_of_data("augment");
}

namespace {

// Numbers in 0..1 of mean m deviate by sqrt(m·(1 − m)) at most. Larger deviations are used on purpose, to scale, but
// then one for all channels. The first channel at fault.
std::optional<size_t> seem_swapped(const std::vector<double>& mean, const std::vector<double>& deviation) {
  const auto possible = [](double m, double d) { return d * d <= m * (1 - m); };
  if (mean.size() < 2 || std::equal(deviation.begin() + 1, deviation.end(), deviation.begin())) return {};
  std::optional<size_t> impossible;
  for (size_t i = mean.size(); i-- > 0;) {
    if (!possible(deviation[i], mean[i])) return {};
    if (!possible(mean[i], deviation[i])) impossible = i;
  }
  return impossible;
}

}  // namespace

void check_together(const DataConfig& c, const Finding& refuse, const Finding& note) {
  const size_t mean = c.mean.size(), deviation = c.std.size();
  if (mean != deviation)
    refuse({"data.mean", "data.std"},
           fmt::format("data.mean has {} values and data.std has {}, but they go together", mean, deviation));
  else if (mean > 1 && mean != 3)
    refuse({"data.mean", "data.std"}, fmt::format("data.mean has {} values, but images have 1 or 3 channels", mean));
  else if (mean > 0 && c.channels > 0 && static_cast<int64_t>(mean) != c.channels)
    refuse({"data.mean", "data.channels"},
           fmt::format("data.mean has {} values, but data.channels is {}", mean, c.channels));
  else if (const auto at = seem_swapped(c.mean, c.std))
    refuse(
        {"data.mean", "data.std"},
        fmt::format("data.mean is [{}] and data.std [{}], but values in 0..1 of mean {} cannot deviate by {}: the two "
                    "seem to be swapped",
                    fmt::join(c.mean, ", "), fmt::join(c.std, ", "), c.mean[*at], c.std[*at]));
  if (c.resize > 0 && c.resize < c.image_size)
    refuse({"data.resize", "data.image_size"},
           fmt::format("data.resize is {}, but must be at least data.image_size, {}", c.resize, c.image_size));
  check_together(c.augment, refuse, note);
}

const std::vector<DatasetEntry>& dataset_table() {
  static const std::vector<DatasetEntry> table{
      {"cifar10",
       "CIFAR-10, official binary files: 50,000 + 10,000 RGB images of 32x32 in 10 classes",
       {},
       open_cifar10,
       cifar10_defaults,
       {.classes = kCifar10.classes,
        .channels = 3,
        .image_size = 32,
        .train_images = 50000,
        .test_images = 10000,
        .bytes_per_image = 32 * 32 * 3}},
      {"cifar100",
       "CIFAR-100, official binary files: 50,000 + 10,000 RGB images of 32x32 in 100 (fine) classes",
       {},
       open_cifar100,
       cifar100_defaults,
       {.classes = kCifar100.classes,
        .channels = 3,
        .image_size = 32,
        .train_images = 50000,
        .test_images = 10000,
        .bytes_per_image = 32 * 32 * 3}},
      {"fashion_mnist",
       "Fashion-MNIST, Debian's dataset-fashion-mnist: 60,000 + 10,000 grey images of 28x28, zero-padded to 32x32",
       {},
       open_fashion_mnist,
       fashion_mnist_defaults,
       {.classes = 10,
        .channels = 1,
        .image_size = 32,
        .train_images = 60000,
        .test_images = 10000,
        .bytes_per_image = 28 * 28}},
      {"idx",
       "any pair of IDX files (MNIST and its like), plain or .gz; zero-padded up to twice their size, else resized",
       {},
       open_idx,
       idx_defaults},
      {"image_folder",
       "JPEG, PNG and BMP in train/<class>/ and val|test/<class>/, or in one folder per class with a seeded split",
       {"test_share"},
       open_image_folder,
       image_folder_defaults,
       {.channels = 3, .image_size = 224, .picture_files = true}},
  };
  return table;
}

const DatasetEntry* find_dataset(const std::string& name) {
  for (const DatasetEntry& entry : dataset_table())
    if (entry.name == name) return &entry;
  return nullptr;
}

DataSplits open_data(const DataConfig& config, uint64_t seed, DataUse use) {
  check_options(config, "data");
  DataConfig found = config;
  found.root = with_home(config.root);
  return find_dataset(config.name)->open(found, seed, use);
}

}  // namespace ghost
