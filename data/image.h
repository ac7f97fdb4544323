// Pictures as pixels: 8 bits, interleaved (H, W, C), C = 1 or 3.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/error.h"

namespace ghost {

struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;  // (H, W, C)

  static Image zeros(int64_t height, int64_t width, int64_t channels) {
    return {height, width, channels, std::vector<uint8_t>(static_cast<size_t>(height * width * channels))};
  }
};

// A file that cannot be decoded; what() names it and says why, in one printable line.
class ImageError : public Error {
 public:
  explicit ImageError(const std::string& text) : Error(printable(text)) {}
};

// JPEG, PNG, BMP by content, not by suffix. Grey stays one channel, alpha is dropped, a palette is expanded, 16 bits
// keep the high byte, CMYK becomes RGB; EXIF orientation is not applied (as torchvision). Throws ImageError on
// truncated, broken or unsupported data and on more than 100 million declared pixels, before allocating.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);
Image read_image(const std::filesystem::path& file);

}  // namespace ghost
