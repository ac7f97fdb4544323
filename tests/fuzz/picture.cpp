// Any bytes as a picture: refused with a sentence, or decoded to as many pixels as it says.
#include <cstdlib>
#include <span>

#include "data/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const ghost::Image image = ghost::decode_image({data, size}, "x");
    if (std::ssize(image.pixels) != image.height * image.width * image.channels || image.pixels.empty()) std::abort();
  } catch (const ghost::ImageError&) {
  }
  return 0;
}
