#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace ghost {

// The picture, grey or RGB, as a PNG file of 8 bits; the same bytes every time. Throws ImageError if it has no pixels.
std::vector<uint8_t> encode_png(const Image& image);

// Bytes as text (RFC 4648), for pictures inside of pages.
std::string base64(std::span<const uint8_t> bytes);

}  // namespace ghost
