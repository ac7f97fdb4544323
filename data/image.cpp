#include "data/image.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stb_image.h>
#include <string_view>

#include "data/file.h"
#include "data/format_check.h"
#include "data/jpeg.h"

namespace ghost {
namespace {

using namespace std::string_view_literals;

enum class Format { jpeg, png, bmp, other };

struct Signature {
  int64_t offset;
  std::string_view bytes;
  Format format;
  std::string_view called;
};
constexpr Signature kSignatures[] = {
    {0, "\xFF\xD8\xFF"sv, Format::jpeg, "JPEG"},
    {0, "\x89PNG\r\n\x1A\n"sv, Format::png, "PNG"},
    {0, "BM"sv, Format::bmp, "BMP"},
    {0, "GIF8"sv, Format::other, "GIF"},
    {8, "WEBP"sv, Format::other, "WebP"},
    {0, "II*\0"sv, Format::other, "TIFF"},
    {0, "MM\0*"sv, Format::other, "TIFF"},
    {4, "ftypavif"sv, Format::other, "AVIF"},
    {4, "ftyphei"sv, Format::other, "HEIF"},
    {4, "ftypmif1"sv, Format::other, "HEIF"},
    {0, "\0\0\0\x0CjP  "sv, Format::other, "JPEG 2000"},
    {0, "\xFF\x4F\xFF\x51"sv, Format::other, "JPEG 2000"},
    {0, "8BPS"sv, Format::other, "Photoshop"},
    {0, "%PDF"sv, Format::other, "PDF"},
    {0, "<svg"sv, Format::other, "SVG"},
};

const Signature* signature_of(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Signature& s : kSignatures)
    if (text.size() >= s.offset + s.bytes.size() &&
        text.substr(static_cast<size_t>(s.offset), s.bytes.size()) == s.bytes)
      return &s;
  return nullptr;
}

[[noreturn]] void refuse_unknown(std::span<const uint8_t> bytes, const std::string& name) {
  if (bytes.empty()) throw ImageError(name + ": the file is empty");
  const auto head = bytes.first(std::min<size_t>(bytes.size(), 64));
  const bool text = std::all_of(head.begin(), head.end(), [](uint8_t b) { return b >= 0x20 || (b >= 9 && b <= 13); });
  throw ImageError(
      fmt::format("{}: not a JPEG, PNG or BMP picture{}", name, text ? "; it seems to be a text file" : ""));
}

struct FreePixels {
  void operator()(stbi_uc* p) const { stbi_image_free(p); }
};

Image decode(std::span<const uint8_t> bytes, const std::string& name, std::string_view format) {
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, FreePixels> pixels(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &channels, 0));
  if (!pixels) throw ImageError(fmt::format("{}: broken {}: {}", name, format, stbi_failure_reason()));
  Image image = Image::zeros(height, width, channels >= 3 ? 3 : 1);
  const int64_t count = image.height * image.width;
  if (channels == image.channels) {
    std::memcpy(image.pixels.data(), pixels.get(), image.pixels.size());
  } else {  // alpha comes last
    for (int64_t p = 0; p < count; p++)
      std::copy_n(pixels.get() + p * channels, image.channels, image.pixels.data() + p * image.channels);
  }
  return image;
}

}  // namespace

void check_picture_size(int64_t height, int64_t width, const std::string& name) {
  if (height < 1 || width < 1)
    throw ImageError(fmt::format("{}: declares {}x{} pixels; both must be at least 1", name, width, height));
  if (height > kMaxPixels / width)
    throw ImageError(fmt::format("{}: declares {}x{} pixels, more than the limit of {} million", name, width, height,
                                 kMaxPixels / 1'000'000));
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  constexpr size_t kMaxBytes = size_t{1} << 30;
  if (bytes.size() > kMaxBytes)
    throw ImageError(fmt::format("{}: a picture of {} bytes; at most {} are read", name, bytes.size(), kMaxBytes));
  const Signature* signature = signature_of(bytes);
  if (!signature) refuse_unknown(bytes, name);
  switch (signature->format) {
    case Format::jpeg:
      return decode_jpeg(bytes, check_jpeg(bytes, name), name);
    case Format::png:
      check_png(bytes, name);
      break;
    case Format::bmp:
      check_bmp(bytes, name);
      break;
    case Format::other:
      throw ImageError(
          fmt::format("{}: a {} file, which is not supported; JPEG, PNG and BMP are", name, signature->called));
  }
  return decode(bytes, name, signature->called);
}

Image read_image(const std::filesystem::path& file) {
  std::vector<uint8_t> bytes;
  try {
    bytes = read_file(file, int64_t{1} << 30);
  } catch (const Error& error) {
    throw ImageError(error.what());
  }
  return decode_image(bytes, file.string());
}

}  // namespace ghost
