#include "nn/layers/whitening_conv.h"

#include <cmath>

#include "core/kernels/eigen.h"
#include "nn/init.h"

namespace ghost {
namespace {

// Σ p·pᵀ over all patches p of the images, divided by their number. p is (kernel, kernel, channels) in a row.
std::vector<double> second_moments(const Tensor& images, int64_t kernel) {
  const int64_t height = images.size(1), width = images.size(2), channels = images.size(3);
  const int64_t n = kernel * kernel * channels;
  std::vector<double> sum(static_cast<size_t>(n * n)), patch(static_cast<size_t>(n));
  const float* const values = images.data<float>();
  for (int64_t i = 0; i < images.size(0); i++)
    for (int64_t y = 0; y + kernel <= height; y++)
      for (int64_t x = 0; x + kernel <= width; x++) {
        for (int64_t k = 0; k < kernel; k++) {
          const float* const row = values + (((i * height) + y + k) * width + x) * channels;
          for (int64_t c = 0; c < kernel * channels; c++)
            patch[static_cast<size_t>(k * kernel * channels + c)] = static_cast<double>(row[c]);
        }
        for (int64_t a = 0; a < n; a++)
          for (int64_t b = 0; b <= a; b++)
            sum[static_cast<size_t>(a * n + b)] += patch[static_cast<size_t>(a)] * patch[static_cast<size_t>(b)];
      }
  const auto patches = static_cast<double>(images.size(0) * (height - kernel + 1) * (width - kernel + 1));
  for (int64_t a = 0; a < n; a++)
    for (int64_t b = 0; b <= a; b++) {
      const double mean = sum[static_cast<size_t>(a * n + b)] / patches;
      sum[static_cast<size_t>(a * n + b)] = sum[static_cast<size_t>(b * n + a)] = mean;
    }
  return sum;
}

}  // namespace

WhiteningConv::WhiteningConv(const Options& o) : options_(o) {
  require_at_least("WhiteningConv", "in", o.in, 1), require_at_least("WhiteningConv", "kernel", o.kernel, 1);
  weight_ =
      register_parameter("weight", {o.out(), o.kernel, o.kernel, o.in}, uniform_fan_in(o.kernel * o.kernel * o.in));
  weight_.set_requires_grad(false);
  bias_ = register_parameter("bias", {o.out()}, constant(0));
}

int64_t WhiteningConv::macs(const Shape&, const Shape& y) const { return y.pixels() * weight_.numel(); }

Tensor WhiteningConv::forward(const Tensor& x) { return conv2d(x, weight_, bias_, {}); }

void WhiteningConv::initialise_from(const Tensor& images) {
  const int64_t kernel = options_.kernel;
  if (images.rank() != 4 || images.size(3) != options_.in || images.size(1) < kernel || images.size(2) < kernel)
    fail("WhiteningConv: expects images (N, H, W, {}) of at least {}×{} pixels, but got {}", options_.in, kernel,
         kernel, images.shape().str());
  const int64_t n = kernel * kernel * options_.in;
  const SymmetricEigen eigen = symmetric_eigen(second_moments(images, kernel), n);
  auto* const filter = weight_.mutable_data<float>();
  for (int64_t i = 0; i < n; i++) {
    const int64_t from = n - 1 - i;  // the largest first
    const double scale = 1 / std::sqrt(eigen.values[static_cast<size_t>(from)] + options_.eps);
    for (int64_t k = 0; k < n; k++) {
      const auto value = static_cast<float>(scale * eigen.vectors[static_cast<size_t>(from * n + k)]);
      filter[i * n + k] = value;
      filter[(n + i) * n + k] = -value;
    }
  }
}

}  // namespace ghost
