// IDX files (LeCun's MNIST format), plain or .gz: pictures (N, H, W) or (N, H, W, 1|3) and labels (N), of bytes.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/splits.h"

namespace ghost {

struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;  // row-major
};
// Throws Error naming the file: no IDX of bytes, fewer or more bytes than its header declares, a broken .gz. Memory is
// not taken for what the file cannot hold.
IdxArray read_idx(const std::filesystem::path& file);

// The pair of pictures and labels. `classes` 0: as many as the largest label asks for. Throws Error if counts differ or
// a label is not below `classes`.
DatasetPtr read_idx_pair(const std::filesystem::path& images, const std::filesystem::path& labels,
                         std::vector<std::string> class_names);

DataSplits open_idx(const DataConfig& config, uint64_t seed, DataUse use);
DataSplits open_fashion_mnist(const DataConfig& config, uint64_t seed, DataUse use);
DataDefaults idx_defaults(const DataConfig& config);
DataDefaults fashion_mnist_defaults(const DataConfig& config);

}  // namespace ghost
