// The table of data sets and the options under `data:`.
#pragma once
#include <string>
#include <vector>

#include "core/options.h"
#include "data/augment/config.h"
#include "data/dataset.h"

namespace ghost {

// The options under `data:`.
struct DataConfig {
  std::string name = "fashion_mnist";  // cifar10 | cifar100 | fashion_mnist | idx | image_folder
  std::string root = {};               // relative to the working directory; empty: the data set's usual place
  int64_t image_size = 0;              // side of the network's input; 0: the data set's own (image_folder: 224)
  OverEpochs image_sizes = {};         // of training images; evaluation sees the last, image_size. Empty: always that
  // The shorter side becomes `resize` before the centre crop. 0: image_size·256/224 for folders, but image_size if all
  // training pictures are stored at that size. Other images are resized to image_size, but IDX images that are smaller
  // and more than half as large are padded with zeros.
  int64_t resize = 0;
  int64_t channels = 0;  // 1 or 3; 0: the data set's own. Grey is converted to RGB and back
  // Normalisation of values in 0..1, per channel; empty: the data set's usual ones.
  std::vector<double> mean = {}, std = {};
  int64_t workers = 1;                      // loading threads; 0: the thread that trains
  int64_t prefetch = 4;                     // batches ahead
  double max_unreadable = 0.01;             // share of the images that may fail before the run stops
  double test_share = 0.2;                  // image_folder without val/ or test/: kept for testing, by names
  double validation_share = 0;              // of the training images, by names, where there is no validation part
  int64_t limit_train = 0, limit_test = 0;  // so many images of all classes only; 0: all
  AugmentConfig augment = {};               // of training images
};
void describe(DataConfig& config, Description& description);
void check_together(const DataConfig& config, const Finding& refuse, const Finding& note);
// The three options that the loader has too (data/loader.h).
void describe_loading(int64_t& workers, int64_t& prefetch, double& max_unreadable, Description& description,
                      const std::string& prefix = "");

// What a data set is opened for.
enum class DataUse {
  training,     // there must be training images
  testing,      // parts may be missing
  testing_all,  // the same, and a single folder of classes is not split, but tested as a whole
};

struct DataSplits {
  // Same class names, checked. There is a validation part only beside a test part; `train` may be missing unless the
  // data was opened for training.
  DatasetPtr train = nullptr, validation = nullptr, test = nullptr;
  // Resolved: never 0; resize < image_size: zeros are around the pictures.
  int64_t image_size = 0, channels = 0, resize = 0;
  std::vector<double> mean = {}, std = {};  // resolved, one per channel
  bool enlarge = true;                      // pictures that are smaller than `resize` too (FramingTarget)
  std::string sizing_note = {};             // for the user, where the sizes of pictures led to an unusual `resize`
  std::string train_from = {}, validation_from = {}, test_from = {};  // folders; empty: files of the data set's own
  bool test_is_validation = false;  // the only held-out part is in a folder called val or the like
  bool by_name = false;             // `test` was kept back from the folder of `train` by names (data.test_share)
  std::vector<std::string> notes = {}, warnings = {};  // sentences for the user

  const std::vector<std::string>& class_names() const { return (test ? test : train)->class_names(); }
  // What a run tests its epochs on and chooses `best` by, and what that is called in its files.
  const DatasetPtr& held_out() const { return validation ? validation : test; }
  const char* held_out_name() const { return validation ? "val" : "test"; }
};

// What is known of a data set without its files; 0: only the files tell.
struct DatasetInfo {
  int64_t classes = 0, channels = 0, image_size = 0;  // its own, as in DataSplits
  int64_t train_images = 0, test_images = 0;
  int64_t bytes_per_image = 0;  // that stay in memory; 0: pictures are read when they are needed
  bool picture_files = false;   // which a decoder reads
};

struct DataDefaults;  // data/splits.h

struct DatasetEntry {
  std::string name, summary;
  std::vector<std::string> options;  // fields it reads besides the common ones
  DataSplits (*open)(const DataConfig& config, uint64_t seed, DataUse use);
  DataDefaults (*usual)(const DataConfig& config);  // without its files
  DatasetInfo info = {};
};
const std::vector<DatasetEntry>& dataset_table();
const DatasetEntry* find_dataset(const std::string& name);  // null: there is none of that name

// Throws UsageError for an option that is not as described, naming the nearest valid value, and Error when files are
// missing or broken, or when parts have different classes. A `~` that begins data.root is $HOME.
DataSplits open_data(const DataConfig& config, uint64_t seed, DataUse use = DataUse::training);

}  // namespace ghost
