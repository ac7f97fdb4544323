// Picture and data set files made on the spot, whole or deliberately broken.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"

namespace ghost::test {

using ByteVector = std::vector<uint8_t>;

// Values that look random but are the same everywhere: (37·i + 11·offset) mod 256 over (H, W, C).
Image patterned_image(int64_t height, int64_t width, int64_t channels, int64_t offset = 0);
Image constant_image(int64_t height, int64_t width, std::initializer_list<uint8_t> color);

struct PngParts {
  uint32_t width = 0, height = 0;
  int depth = 8, color_type = 2, interlace = 0;
  ByteVector rows = {};     // filter byte and data of each row, before compression
  ByteVector palette = {};  // RGB; none: no PLTE
  ByteVector transparency = {};
  ByteVector after_rows = {};  // compressed on behind the rows: more than the header asks for
};
ByteVector png_bytes(const PngParts& parts);
ByteVector png_bytes(const Image& image);
ByteVector png_chunk(std::string_view type, std::span<const uint8_t> data);  // with its checksum
ByteVector bmp_bytes(const Image& image);                                    // 24 bits, rows from the bottom up
ByteVector jpeg_bytes(const Image& image, int quality = 90);

ByteVector gzip_bytes(std::span<const uint8_t> bytes);
ByteVector idx_bytes(const std::vector<uint32_t>& shape, std::span<const uint8_t> values);
// A CIFAR record: labels, then 32·32 bytes each of red, green and blue, all of one colour.
ByteVector cifar_record(std::initializer_list<uint8_t> labels, std::initializer_list<uint8_t> color);

ByteVector joined(std::initializer_list<ByteVector> parts);

}  // namespace ghost::test
