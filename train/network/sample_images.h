// Images to try a network with.
#pragma once
#include <cstdint>
#include <string>

#include "train/network/network.h"

namespace ghost {

struct SampleImages {
  Tensor pixels;      // u8 (N, H, W, C), of the network's size
  Tensor normalized;  // f32, what the network sees of them
  std::string from;   // "16 test images of fashion_mnist"
  bool real = false;  // false: random pixels
};

// At least one image and at most `count`, spread over a part of the data of network.config: `split` is train, val or
// test. If the data set cannot be opened, the pixels are random, and `from` says why. The network's preprocessing has
// to be known.
SampleImages sample_images(const Network& network, const std::string& split, int64_t count);

}  // namespace ghost
