#include "data/encode.h"

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
  stbi_write_png_to_func(append, &bytes, static_cast<int>(image.width), static_cast<int>(image.height),
                         static_cast<int>(image.channels), image.pixels.data(), static_cast<int>(row));
  return bytes;
}

}  // namespace ghost
