// CIFAR-10 and CIFAR-100 in their official binary layout (Krizhevsky, 2009): records of one or two label bytes and
// 1,024 bytes each of red, green and blue.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/splits.h"

namespace ghost {

struct CifarLayout {
  int64_t label_bytes;  // before the pixels; the last one is the class (CIFAR-100: coarse, fine)
  int64_t classes;
};
inline constexpr CifarLayout kCifar10{.label_bytes = 1, .classes = 10}, kCifar100{.label_bytes = 2, .classes = 100};

// Throws Error naming the file: missing, empty, a size that is no multiple of the record's, a label out of range (with
// the record, counted from 0).
DatasetPtr read_cifar(const std::vector<std::filesystem::path>& files, const CifarLayout& layout,
                      std::vector<std::string> class_names);

DataSplits open_cifar10(const DataConfig& config, uint64_t seed, DataUse use);
DataSplits open_cifar100(const DataConfig& config, uint64_t seed, DataUse use);
DataDefaults cifar10_defaults(const DataConfig& config);
DataDefaults cifar100_defaults(const DataConfig& config);

}  // namespace ghost
