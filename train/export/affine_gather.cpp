#include "train/export/affine_gather.h"

#include <array>
#include <cmath>

namespace ghost::onnx {

AffineGather affine_gather(const std::vector<double>& theta, int64_t height, int64_t width, int64_t channels) {
  const auto out = std::ssize(theta) / 6, ghosts = out / channels, results = out * height * width;
  AffineGather gather{std::vector<int64_t>(static_cast<size_t>(4 * results)),
                      std::vector<float>(static_cast<size_t>(4 * results))};
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  int64_t p = 0;
  for (int64_t o = 0; o < out; o++)
    for (int64_t i = 0; i < height; i++)
      for (int64_t j = 0; j < width; j++, p++) {
        const double* t = theta.data() + o * 6;
        const double u = static_cast<double>(2 * j + 1) / w - 1, v = static_cast<double>(2 * i + 1) / h - 1;
        const double x = ((t[0] * u + t[1] * v + t[2] + 1) * w - 1) / 2;
        const double y = ((t[3] * u + t[4] * v + t[5] + 1) * h - 1) / 2;
        if (!(x > -1 && x < w && y > -1 && y < h)) continue;
        const auto left = static_cast<int64_t>(std::floor(x)), top = static_cast<int64_t>(std::floor(y));
        const double fx = x - std::floor(x), fy = y - std::floor(y);
        const std::array<double, 2> across{1 - fx, fx}, down{1 - fy, fy};
        for (int64_t k = 0; k < 4; k++) {
          const int64_t row = top + k / 2, column = left + k % 2;
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          const auto at = static_cast<size_t>(k * results + p);
          gather.pixels[at] = (o / ghosts * height + row) * width + column;
          gather.weights[at] =
              static_cast<float>(down[static_cast<size_t>(k / 2)] * across[static_cast<size_t>(k % 2)]);
        }
      }
  return gather;
}

}  // namespace ghost::onnx
