#include "data/encode.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <zlib.h>

namespace {

// stb's own compressor takes ten times as long for larger files. The memory is freed by stb.
unsigned char* compressed(unsigned char* data, int size, int* compressed_size, int /*quality*/) {
  uLongf length = compressBound(static_cast<uLong>(size));
  auto* to = static_cast<unsigned char*>(std::malloc(length));
  if (!to || compress2(to, &length, data, static_cast<uLong>(size), Z_DEFAULT_COMPRESSION) != Z_OK) {
    std::free(to);
    return nullptr;
  }
  *compressed_size = static_cast<int>(length);
  return to;
}

}  // namespace

#define STBIW_ZLIB_COMPRESS compressed
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

namespace ghost {

std::vector<uint8_t> encode_png(const Image& image) {
  const int64_t row = image.width * image.channels;
  if (image.height < 1 || image.width < 1 || std::ssize(image.pixels) != image.height * row)
    throw ImageError("a picture of " + std::to_string(image.width) + "×" + std::to_string(image.height) +
                     " pixels cannot be written as PNG");
  std::vector<uint8_t> bytes;
  const auto append = [](void* to, void* data, int size) {
    const auto* first = static_cast<const uint8_t*>(data);
    static_cast<std::vector<uint8_t>*>(to)->insert(static_cast<std::vector<uint8_t>*>(to)->end(), first, first + size);
  };
  if (!stbi_write_png_to_func(append, &bytes, static_cast<int>(image.width), static_cast<int>(image.height),
                              static_cast<int>(image.channels), image.pixels.data(), static_cast<int>(row)))
    throw ImageError("there is not enough memory to write a picture as PNG");
  return bytes;
}

std::string base64(std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; k++) group = group << 8 | (k < count ? bytes[i + k] : 0U);
    for (size_t k = 0; k < 4; k++) text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

}  // namespace ghost
