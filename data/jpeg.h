// JPEG by libjpeg-turbo, with the settings of Pillow and torchvision: the same pixels to the bit.
#pragma once
#include <string>

#include "data/format_check.h"

namespace ghost {

// `info` is what check_jpeg found in `bytes`. Grey has one channel, everything else three. Four components are inverted
// CMYK, as Adobe writes it, and become RGB by Pillow's formula. Throws ImageError beginning with `name` where libjpeg
// would go on with made-up data: entropy-coded data that is cut off or broken.
Image decode_jpeg(Bytes bytes, const JpegInfo& info, const std::string& name);

// "libjpeg-turbo 2.1.5"
std::string jpeg_decoder();

}  // namespace ghost
