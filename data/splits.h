// From what a data set holds and what the configuration asks for to what the loader does.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/preprocessing.h"
#include "data/registry.h"

namespace ghost {

// The samples of `whole` at `indices`, in that order.
DatasetPtr subset(DatasetPtr whole, std::vector<int64_t> indices);

// What a data set is used with unless the configuration says otherwise.
struct DataDefaults {
  int64_t image_size = 0, resize = 0;  // as in DataSplits; 0: only the files tell
  std::vector<double> mean, std;       // one per channel of the data set
  int64_t assumed_resize = 0;          // where `resize` is 0 and the files cannot be asked; 0: nothing is assumed
};

// What the configuration asks for, and the usual where it asks for nothing, for a data set of `channels`. Throws
// UsageError for options that do not fit together: mean and std of another number of channels, or swapped; resize below
// image_size.
Preprocessing resolve_preprocessing(const DataConfig& config, const DataDefaults& usual, int64_t channels);

// The only part to test with is the test part, whatever its folder or files are called: `validation` becomes `test`.
void test_with_validation(DataSplits& parts);

// `parts` has its parts and what is said of them. Resolves sizes, channels and normalisation, cuts a validation part
// from the training images if there is none and one is asked for, applies limit_train and limit_test, and says which
// classes have no images. Throws as resolve_preprocessing does, and Error for parts that are empty or disagree, and for
// training with one class.
DataSplits resolve_splits(DataSplits parts, const DataConfig& config, const DataDefaults& defaults, uint64_t seed,
                          DataUse use);

// data.image_size, or the default
inline int64_t image_size_or(const DataConfig& config, int64_t usual) {
  return config.image_size > 0 ? config.image_size : usual;
}

// Throws Error listing the classes that only one of the two has, and those that only look the same. `train` and `test`
// are sorted; the names of the two parts begin the sentence.
void require_same_classes(const std::vector<std::string>& train, const std::vector<std::string>& test,
                          const std::string& train_name, const std::string& test_name);

}  // namespace ghost
