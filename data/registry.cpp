#include "data/registry.h"

#include <cmath>

#include "core/nearest.h"
#include "data/cifar.h"
#include "data/idx.h"
#include "data/image_folder.h"

namespace ghost {
namespace {

void require(bool valid, const char* key, double value, const char* expected) {
  if (!valid) fail_usage("data.{} is {}; {} was expected", key, value, expected);
}

void check(const DataConfig& c) {
  const auto number = [](int64_t v) { return static_cast<double>(v); };
  require(c.image_size >= 0 && c.image_size <= 4096, "image_size", number(c.image_size),
          "1 to 4096, or 0 for the usual");
  require(c.resize >= 0 && c.resize <= 8192, "resize", number(c.resize), "1 to 8192, or 0 for the usual");
  require(c.channels == 0 || c.channels == 1 || c.channels == 3, "channels", number(c.channels),
          "1, 3, or 0 for the data set's own");
  require(c.test_share > 0 && c.test_share < 1, "test_share", c.test_share, "a share between 0 and 1");
  require(c.max_unreadable >= 0 && c.max_unreadable <= 1, "max_unreadable", c.max_unreadable, "a share of 0 to 1");
  require(c.limit_train >= 0, "limit_train", number(c.limit_train), "a number of images, or 0 for all");
  require(c.limit_test >= 0, "limit_test", number(c.limit_test), "a number of images, or 0 for all");
  for (const double m : c.mean) require(std::isfinite(m), "mean", m, "a number (of values in 0..1)");
  for (const double s : c.std) require(s > 0 && std::isfinite(s), "std", s, "a deviation above 0 (of values in 0..1)");
  check_augment(c.augment);
}

}  // namespace

const std::vector<DatasetEntry>& dataset_table() {
  static const std::vector<DatasetEntry> table{
      {"cifar10",
       "CIFAR-10, official binary files: 50,000 + 10,000 RGB images of 32x32 in 10 classes",
       {},
       open_cifar10,
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
       {.classes = 10,
        .channels = 1,
        .image_size = 32,
        .train_images = 60000,
        .test_images = 10000,
        .bytes_per_image = 28 * 28}},
      {"idx",
       "any pair of IDX files (MNIST and its like), plain or .gz; zero-padded up to twice their size, else resized",
       {},
       open_idx},
      {"image_folder",
       "JPEG, PNG and BMP in train/<class>/ and val|test/<class>/, or in one folder per class with a seeded split",
       {"test_share"},
       open_image_folder,
       {.channels = 3, .image_size = 224}},
  };
  return table;
}

DataSplits open_data(const DataConfig& config, uint64_t seed) {
  check(config);
  std::vector<std::string> names;
  for (const DatasetEntry& entry : dataset_table()) {
    if (entry.name == config.name) return entry.open(config, seed);
    names.push_back(entry.name);
  }
  fail_usage("data.name: there is no data set '{}'{}; known are {}", config.name, did_you_mean(config.name, names),
             any_of(names));
}

}  // namespace ghost
