#pragma once
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace ghost {

// Pictures of one size, all in memory.
class MemoryDataset : public Dataset {
 public:
  struct Source {            // a file and the number of its pictures
    std::string file, item;  // "data_batch_1.bin", "record"
    int64_t count;
  };
  struct Contents {
    int64_t height = 0, width = 0, channels = 0;
    std::vector<uint8_t> pixels = {};  // (N, H, W, C)
    std::vector<uint8_t> labels = {};  // (N)
    std::vector<std::string> class_names = {};
    std::vector<Source> sources = {};  // in order; counts add up to N
  };
  explicit MemoryDataset(Contents contents) : contents_(std::move(contents)) {}

  int64_t height() const { return contents_.height; }
  int64_t width() const { return contents_.width; }

  int64_t size() const override { return static_cast<int64_t>(contents_.labels.size()); }
  int64_t channels() const override { return contents_.channels; }
  const std::vector<std::string>& class_names() const override { return contents_.class_names; }
  int64_t label(int64_t index) const override { return contents_.labels[static_cast<size_t>(index)]; }
  std::string name(int64_t index) const override {
    for (const Source& source : contents_.sources) {
      if (index < source.count) return source.file + " " + source.item + " " + std::to_string(index);
      index -= source.count;
    }
    return std::to_string(index);
  }
  std::optional<PictureSize> stored_size(int64_t /*index*/) const override {
    return PictureSize{.height = contents_.height, .width = contents_.width};
  }
  Image read(int64_t index) const override {
    const int64_t bytes = contents_.height * contents_.width * contents_.channels;
    const auto first = contents_.pixels.begin() + index * bytes;
    return {contents_.height, contents_.width, contents_.channels, {first, first + bytes}};
  }

 private:
  Contents contents_;
};

}  // namespace ghost
