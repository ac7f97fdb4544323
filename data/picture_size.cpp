#include "data/picture_size.h"

#include <array>
#include <cstdint>
#include <fstream>
#include <string_view>

#include "data/file.h"

namespace ghost {
namespace {

using namespace std::string_view_literals;

// The bytes of a file, one after another; zeros and good() = false behind its end.
class HeadReader {
 public:
  explicit HeadReader(const std::filesystem::path& file) : in_(file, std::ios::binary) {}
  bool good() const { return in_.good(); }
  int64_t byte() {
    const int value = in_.get();
    return value == std::ifstream::traits_type::eof() ? 0 : value;
  }
  int64_t big_endian(int count) {
    int64_t value = 0;
    for (int i = 0; i < count; i++) value = value << 8 | byte();
    return value;
  }
  int64_t little_endian(int count) {
    int64_t value = 0;
    for (int i = 0; i < count; i++) value |= byte() << 8 * i;
    return value;
  }
  bool begins_with(std::string_view text) {
    std::array<char, 16> head{};
    in_.seekg(0);
    in_.read(head.data(), static_cast<std::streamsize>(text.size()));
    return in_.good() && std::string_view(head.data(), text.size()) == text;
  }
  void skip(int64_t count) { in_.seekg(count, std::ios::cur); }

 private:
  std::ifstream in_;
};

// T.81 B.1.1: markers with segments, up to the first frame header.
PictureSize jpeg_size(HeadReader& bytes) {
  while (bytes.good()) {
    if (bytes.byte() != 0xFF) continue;
    int64_t marker = 0xFF;
    while (marker == 0xFF && bytes.good()) marker = bytes.byte();
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    const bool alone = marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (marker == 0xD9 || marker == 0xDA) break;
    if (alone) continue;
    const int64_t length = bytes.big_endian(2);
    if (length < 2) break;
    if (!frame) {
      bytes.skip(length - 2);
      continue;
    }
    bytes.skip(1);  // bits of a sample
    const int64_t height = bytes.big_endian(2), width = bytes.big_endian(2);
    return {.height = height, .width = width};
  }
  return {};
}

PictureSize png_size(HeadReader& bytes) {
  bytes.skip(8);  // length and name of the header chunk
  const int64_t width = bytes.big_endian(4), height = bytes.big_endian(4);
  return {.height = height, .width = width};
}

PictureSize bmp_size(HeadReader& bytes) {
  bytes.skip(12);
  const bool old = bytes.little_endian(4) == 12;
  const int64_t width = bytes.little_endian(old ? 2 : 4);
  const auto height = static_cast<int32_t>(bytes.little_endian(old ? 2 : 4));
  return {.height = height < 0 ? -int64_t{height} : height, .width = width};  // negative: from the top down
}

}  // namespace

std::optional<PictureSize> declared_size(const std::filesystem::path& file) {
  if (!file_exists(file)) return {};  // a pipe would block
  HeadReader bytes(file);
  PictureSize size;
  if (bytes.begins_with("\xFF\xD8\xFF"sv)) {
    bytes.skip(-1);
    size = jpeg_size(bytes);
  } else if (bytes.begins_with("\x89PNG\r\n\x1A\n"sv)) {
    size = png_size(bytes);
  } else if (bytes.begins_with("BM"sv)) {
    size = bmp_size(bytes);
  }
  if (!bytes.good() || size.height < 1 || size.width < 1) return {};
  return size;
}

}  // namespace ghost
