#include "support/picture_files.h"

#include <zlib.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace ghost::test {
namespace {

void put_be32(ByteVector& to, uint32_t v) {
  for (const int shift : {24, 16, 8, 0}) to.push_back(static_cast<uint8_t>(v >> shift));
}

void append_written(void* to, void* data, int count) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  static_cast<ByteVector*>(to)->insert(static_cast<ByteVector*>(to)->end(), bytes, bytes + count);
}

ByteVector deflated(std::span<const uint8_t> bytes, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail("deflateInit2");
  ByteVector out(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<Bytef*>(bytes.data()), stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data(), stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) fail("deflate");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

Image patterned_image(int64_t height, int64_t width, int64_t channels, int64_t offset) {
  Image image = Image::zeros(height, width, channels);
  for (size_t i = 0; i < image.pixels.size(); i++)
    image.pixels[i] = static_cast<uint8_t>(37 * i + 11 * static_cast<size_t>(offset));
  return image;
}

Image constant_image(int64_t height, int64_t width, std::initializer_list<uint8_t> color) {
  Image image = Image::zeros(height, width, static_cast<int64_t>(color.size()));
  for (size_t i = 0; i < image.pixels.size(); i++) image.pixels[i] = color.begin()[i % color.size()];
  return image;
}

ByteVector joined(std::initializer_list<ByteVector> parts) {
  ByteVector all;
  for (const ByteVector& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

ByteVector png_chunk(std::string_view type, std::span<const uint8_t> data) {
  ByteVector chunk;
  put_be32(chunk, static_cast<uint32_t>(data.size()));
  chunk.insert(chunk.end(), type.begin(), type.end());
  chunk.insert(chunk.end(), data.begin(), data.end());
  put_be32(chunk, static_cast<uint32_t>(crc32(0, chunk.data() + 4, static_cast<uInt>(chunk.size() - 4))));
  return chunk;
}

ByteVector png_bytes(const PngParts& parts) {
  ByteVector header;
  put_be32(header, parts.width);
  put_be32(header, parts.height);
  for (const int v : {parts.depth, parts.color_type, 0, 0, parts.interlace}) header.push_back(static_cast<uint8_t>(v));
  ByteVector png = joined({{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'}, png_chunk("IHDR", header)});
  if (!parts.palette.empty()) png = joined({png, png_chunk("PLTE", parts.palette)});
  if (!parts.transparency.empty()) png = joined({png, png_chunk("tRNS", parts.transparency)});
  return joined({png, png_chunk("IDAT", deflated(joined({parts.rows, parts.after_rows}), 15)), png_chunk("IEND", {})});
}

ByteVector png_bytes(const Image& image) {
  PngParts parts{.width = static_cast<uint32_t>(image.width),
                 .height = static_cast<uint32_t>(image.height),
                 .color_type = image.channels == 1 ? 0 : 2};
  const int64_t row = image.width * image.channels;
  for (int64_t y = 0; y < image.height; y++) {
    parts.rows.push_back(0);
    parts.rows.insert(parts.rows.end(), image.pixels.begin() + y * row, image.pixels.begin() + (y + 1) * row);
  }
  return png_bytes(parts);
}

ByteVector bmp_bytes(const Image& image) {
  ByteVector out;
  stbi_write_bmp_to_func(append_written, &out, static_cast<int>(image.width), static_cast<int>(image.height),
                         static_cast<int>(image.channels), image.pixels.data());
  return out;
}

ByteVector jpeg_bytes(const Image& image, int quality) {
  ByteVector out;
  stbi_write_jpg_to_func(append_written, &out, static_cast<int>(image.width), static_cast<int>(image.height),
                         static_cast<int>(image.channels), image.pixels.data(), quality);
  return out;
}

ByteVector gzip_bytes(std::span<const uint8_t> bytes) { return deflated(bytes, 15 + 16); }

ByteVector idx_bytes(const std::vector<uint32_t>& shape, std::span<const uint8_t> values) {
  ByteVector out{0, 0, 8, static_cast<uint8_t>(shape.size())};
  for (const uint32_t size : shape) put_be32(out, size);
  out.insert(out.end(), values.begin(), values.end());
  return out;
}

ByteVector cifar_record(std::initializer_list<uint8_t> labels, std::initializer_list<uint8_t> color) {
  ByteVector record(labels);
  for (const uint8_t value : color) record.insert(record.end(), 32 * 32, value);
  return record;
}

}  // namespace ghost::test
