// What pages are written with.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/image.h"

namespace ghost {

std::string html_text(std::string_view text);  // & < > " ' as entities: safe between tags and in attributes
std::string base64(std::span<const uint8_t> bytes);
std::string png_data_uri(const Image& image);  // for <img src>

}  // namespace ghost
