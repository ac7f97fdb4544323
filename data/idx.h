// IDX files (LeCun's MNIST format), plain or .gz: pictures (N, H, W) or (N, H, W, 1|3) and labels (N), of bytes.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/splits.h"

namespace ghost {

class GzipFile;

// An IDX file of which the header has been read. Throws Error naming the file: no IDX of bytes, a header that declares
// more than the file can hold, fewer or more values than declared, a broken .gz.
class IdxFile {
 public:
  explicit IdxFile(const std::filesystem::path& file);
  ~IdxFile();
  const std::vector<int64_t>& shape() const { return shape_; }
  // The values, row-major; once. Takes memory as they are read, so no more than the file really holds, and refuses what
  // is more than there is (core/system_limits.h).
  std::vector<uint8_t> values();

 private:
  std::string name_;
  std::unique_ptr<GzipFile> in_;
  std::vector<int64_t> shape_;
  int64_t count_ = 1;  // the product
};

// The pair of pictures and labels. `classes` 0: as many as the largest label asks for. Throws Error if counts differ or
// a label is not below `classes`.
DatasetPtr read_idx_pair(const std::filesystem::path& images, const std::filesystem::path& labels,
                         std::vector<std::string> class_names);

DataSplits open_idx(const DataConfig& config, uint64_t seed, DataUse use);
DataSplits open_fashion_mnist(const DataConfig& config, uint64_t seed, DataUse use);
DataDefaults idx_defaults(const DataConfig& config);
DataDefaults fashion_mnist_defaults(const DataConfig& config);

}  // namespace ghost
