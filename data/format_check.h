// What a picture file declares and whether it is whole, found out before anything is allocated for its pixels. The
// decoders behind decode_image fill missing data silently and trust tables and sizes; these checks are what they may
// rely on.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "data/image.h"

namespace ghost {

inline constexpr int64_t kMaxPixels = 100'000'000;

using Bytes = std::span<const uint8_t>;

// Each throws ImageError beginning with `name` if the file is broken, cut off, of an unsupported kind or too large.

struct JpegInfo {
  int64_t height = 0, width = 0, components = 0;
};
// Without an end marker the last scan may be cut off all the same, which only decoding shows.
JpegInfo check_jpeg(Bytes bytes, const std::string& name);

// Chunks and their checksums, and the whole compressed stream: it must inflate without error to just the bytes that the
// header asks for (a decompression bomb is stopped at that size).
void check_png(Bytes bytes, const std::string& name);

void check_bmp(Bytes bytes, const std::string& name);

// Throws unless 1 ≤ height·width ≤ kMaxPixels.
void check_picture_size(int64_t height, int64_t width, const std::string& name);

}  // namespace ghost
