// From what a data set holds and what the configuration asks for to what the loader does.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/registry.h"

namespace ghost {

// The samples of `whole` at `indices`, in that order.
DatasetPtr subset(DatasetPtr whole, std::vector<int64_t> indices);

// What a data set is used with unless the configuration says otherwise.
struct DataDefaults {
  int64_t image_size = 0;
  int64_t resize = 0;             // evaluation; see DataSplits
  std::vector<double> mean, std;  // one per channel of the data set
};

// How pictures of one stored size (height, width) come to image_size: 0 if they have it or are padded to it with zeros
// (`pad`: only if they are smaller, but more than half as large), else image_size.
int64_t resize_for_stored_size(int64_t height, int64_t width, int64_t image_size, bool pad);

// Sizes, channels and normalisation resolved; limit_train and limit_test applied. Throws UsageError for options that do
// not fit together (mean and std of another number of channels, resize below image_size) and Error for an empty or
// disagreeing pair.
DataSplits resolve_splits(DatasetPtr train, DatasetPtr test, const DataConfig& config, const DataDefaults& defaults,
                          uint64_t seed);

// data.image_size, or the default
inline int64_t image_size_or(const DataConfig& config, int64_t usual) {
  return config.image_size > 0 ? config.image_size : usual;
}

// Throws Error listing the classes that only one of the two has. `train` and `test` are sorted; the names of the two
// parts begin the sentence.
void require_same_classes(const std::vector<std::string>& train, const std::vector<std::string>& test,
                          const std::string& train_name, const std::string& test_name);

}  // namespace ghost
