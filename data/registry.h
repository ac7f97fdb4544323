// The table of data sets and the options under `data:`.
#pragma once
#include <string>
#include <vector>

#include "data/augment/config.h"
#include "data/dataset.h"

namespace ghost {

struct DataConfig {
  std::string name = "fashion_mnist";  // cifar10 | cifar100 | fashion_mnist | idx | image_folder
  std::string root = {};               // empty: the data set's usual place, if it has one
  int64_t image_size = 0;              // side of the network's input; 0: the data set's own (image_folder: 224)
  // Evaluation: shorter side before the centre crop. 0: none if images are stored at image_size, or are IDX images that
  // are smaller, but more than half as large (zero-padded); image_size·256/224 for folders; else image_size.
  int64_t resize = 0;
  int64_t channels = 0;  // 1 or 3; 0: the data set's own. Grey ↔ RGB is converted
  // Normalisation of values in 0..1, per channel; empty: the data set's usual ones.
  std::vector<double> mean = {}, std = {};
  int64_t workers = 1;                      // loading threads; 0: the thread that trains
  int64_t prefetch = 4;                     // batches ahead
  double max_unreadable = 0.01;             // share of the images that may fail before the run stops
  double test_share = 0.2;                  // image_folder without val/ or test/: seeded stratified split
  int64_t limit_train = 0, limit_test = 0;  // so many images only (a seeded choice); 0: all
  AugmentConfig augment = {};               // of training images
};

struct DataSplits {
  DatasetPtr train, test;                // same class names, checked
  int64_t image_size, channels, resize;  // resolved: never 0 (resize = 0: no resize, images have image_size already)
  std::vector<double> mean, std;         // resolved, one per channel
};

// What is known of a data set without its files; 0: only they tell.
struct DatasetInfo {
  int64_t classes = 0, channels = 0, image_size = 0;  // its own, as in DataSplits
  int64_t train_images = 0, test_images = 0;
  int64_t bytes_per_image = 0;  // that stay in memory; 0: pictures are read when they are needed
};

struct DatasetEntry {
  std::string name, summary;
  std::vector<std::string> options;  // fields it reads besides the common ones
  DataSplits (*open)(const DataConfig& config, uint64_t seed);
  DatasetInfo info = {};
};
const std::vector<DatasetEntry>& dataset_table();

// Throws UsageError for an unknown name (nearest one named) and Error when files are missing, broken, or the class sets
// of train and test differ.
DataSplits open_data(const DataConfig& config, uint64_t seed);

}  // namespace ghost
