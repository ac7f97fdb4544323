#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/framing.h"
#include "data/image.h"

namespace ghost {

// Labelled images by index. Reading is const and safe from several threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual int64_t channels() const = 0;  // 1 or 3: what read() gives, unless a picture differs (the loader converts)
  virtual const std::vector<std::string>& class_names() const = 0;
  virtual int64_t label(int64_t index) const = 0;
  virtual std::string name(int64_t index) const = 0;  // a file, or "data_batch_1.bin record 17"
  // The same wherever the data set lies: a file's path below its part of the data.
  virtual std::string id(int64_t index) const { return name(index); }
  virtual Image read(int64_t index) const = 0;  // throws ImageError if it cannot be decoded
  // Of what read() gives, as far as it is known without decoding; nothing: it is not.
  virtual std::optional<PictureSize> stored_size(int64_t /*index*/) const { return {}; }
};
using DatasetPtr = std::shared_ptr<const Dataset>;

}  // namespace ghost
