#pragma once
#include <cstdint>
#include <vector>

#include "data/image.h"

namespace ghost {

// The picture, grey or RGB, as a PNG file of 8 bits; the same bytes every time. Throws ImageError if it has no pixels.
std::vector<uint8_t> encode_png(const Image& image);

}  // namespace ghost
