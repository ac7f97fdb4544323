// BMP: the headers, and that colours and rows lie inside the file.
#include <algorithm>

#include "data/format_check.h"

namespace ghost {

void check_bmp(Bytes bytes, const std::string& name) {
  const auto broken = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    throw ImageError(name + ": " + fmt::format(format, std::forward<Args>(args)...));
  };
  const auto size = static_cast<int64_t>(bytes.size());
  const auto at = [&](int64_t i) -> uint32_t { return i < size ? bytes[static_cast<size_t>(i)] : 0; };
  const auto word = [&](int64_t i) { return at(i) | at(i + 1) << 8; };
  const auto dword = [&](int64_t i) { return word(i) | word(i + 2) << 16; };

  if (size < 26) broken("truncated BMP: {} bytes", size);
  const int64_t offset = dword(10), header = dword(14);
  if (header != 12 && header != 40 && header != 56 && header != 108 && header != 124)
    broken("BMP with a header of {} bytes, which is not supported", header);
  if (size < 14 + header) broken("truncated BMP: {} bytes end inside its header", size);
  const bool old = header == 12;
  const int64_t width = old ? word(18) : static_cast<int32_t>(dword(18));
  const int64_t height = old ? word(20) : static_cast<int32_t>(dword(22));
  const int64_t bits = old ? word(24) : word(28);
  const uint32_t compression = old ? 0 : dword(30);
  check_picture_size(height < 0 ? -height : height, width, name);  // negative: from the top down
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
    broken("BMP with {} bits per pixel; 1, 4, 8, 16, 24 and 32 are supported", bits);
  if (compression != 0 && compression != 3)
    broken("BMP with compression {}, which is not supported; save it uncompressed", compression);
  if (compression == 3 && header == 56)
    broken("BMP with colour masks in a header of 56 bytes, which is not supported; save it as PNG");

  const int64_t colours_begin = 14 + header, colour_bytes = old ? 3 : 4;
  if (offset < colours_begin) broken("broken BMP: its pixels begin at byte {}, inside its header", offset);
  if (bits <= 8 && offset - colours_begin < colour_bytes) broken("broken BMP: no colour table");
  const int64_t row = (width * bits + 31) / 32 * 4, rows = height < 0 ? -height : height;
  if (size < offset + row * rows)
    broken("truncated BMP: {} bytes, but {}x{} pixels of {} bits need {}", size, width, rows, bits,
           offset + row * rows);
}

}  // namespace ghost
