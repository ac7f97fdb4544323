// affine_sample (core/ops/affine_sample.h) with a known map, as a weighted sum of pixels.
#pragma once
#include <cstdint>
#include <vector>

namespace ghost::onnx {

// Of maps (C, H, W) in a row: pixel k·P + p and its weight are the k-th of four terms of the p-th of P = O·H·W results.
struct AffineGather {
  std::vector<int64_t> pixels;
  std::vector<float> weights;
};
// theta (O, 2, 3), O a multiple of the channels C. What lies outside has the weight 0.
AffineGather affine_gather(const std::vector<double>& theta, int64_t height, int64_t width, int64_t channels);

}  // namespace ghost::onnx
