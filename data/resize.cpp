// Separable resampling (Pillow's ImagingResample): for each output position a window of input positions and weights
// that sum to 1, first along rows, then along columns.
#include <algorithm>
#include <cmath>

#include "data/transforms.h"

namespace ghost {
namespace {

constexpr int kBits = 22;  // of a weight's fraction: 8 bits of pixel and 2 of headroom fill 32

struct Window {
  int64_t first, count;
  const int32_t* weights;
};

// The triangle filter over `length` positions resampled to `out`. Where it shrinks, the triangle is as wide as `scale`
// input positions to each side.
class Windows {
 public:
  Windows(int64_t length, int64_t out) {
    const double scale = static_cast<double>(length) / static_cast<double>(out), filter_scale = std::max(scale, 1.0);
    const auto most = static_cast<int64_t>(std::ceil(filter_scale)) * 2 + 1;
    weights_.resize(static_cast<size_t>(out * most));
    std::vector<double> exact(static_cast<size_t>(most));
    for (int64_t i = 0; i < out; i++) {
      const double center = (static_cast<double>(i) + 0.5) * scale;
      // Cut off towards zero after adding one half, as Pillow rounds here.
      const auto first = std::max<int64_t>(static_cast<int64_t>(center - filter_scale + 0.5), 0);
      const auto last = std::min<int64_t>(static_cast<int64_t>(center + filter_scale + 0.5), length);
      const int64_t count = last - first;
      double sum = 0;
      for (int64_t k = 0; k < count; k++) {
        const double distance = std::abs((static_cast<double>(k + first) - center + 0.5) * (1 / filter_scale));
        sum += exact[static_cast<size_t>(k)] = distance < 1 ? 1 - distance : 0;
      }
      int32_t* weights = weights_.data() + i * most;
      for (int64_t k = 0; k < count; k++) {
        const double w = sum != 0 ? exact[static_cast<size_t>(k)] / sum : 0;
        weights[k] = static_cast<int32_t>(0.5 + w * (1 << kBits));
      }
      windows_.push_back({first, count, weights});
    }
  }
  const Window& operator[](int64_t i) const { return windows_[static_cast<size_t>(i)]; }
  int64_t size() const { return static_cast<int64_t>(windows_.size()); }

 private:
  std::vector<int32_t> weights_;
  std::vector<Window> windows_;
};

uint8_t rounded(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kBits, 0, 255)); }

// in (W, C) → out (W', C)
template <int C>
void resample_row(const uint8_t* in, const Windows& windows, uint8_t* out) {
  for (int64_t x = 0; x < windows.size(); x++, out += C) {
    const Window& window = windows[x];
    const uint8_t* pixel = in + window.first * C;
    int32_t sum[C];
    std::fill_n(sum, C, 1 << (kBits - 1));
    for (int64_t k = 0; k < window.count; k++, pixel += C)
      for (int c = 0; c < C; c++) sum[c] += pixel[c] * window.weights[k];
    for (int c = 0; c < C; c++) out[c] = rounded(sum[c]);
  }
}

// rows (count, n) weighted → out (n)
void resample_column(const uint8_t* rows, int64_t n, const Window& window, int32_t* sums, uint8_t* out) {
  std::fill_n(sums, n, 1 << (kBits - 1));
  for (int64_t k = 0; k < window.count; k++, rows += n) {
    const int32_t weight = window.weights[k];
    for (int64_t i = 0; i < n; i++) sums[i] += rows[i] * weight;
  }
  for (int64_t i = 0; i < n; i++) out[i] = rounded(sums[i]);
}

}  // namespace

Image resize_bilinear(const Image& image, const Box& box, int64_t height, int64_t width) {
  if (height < 1 || width < 1 || box.height < 1 || box.width < 1 || box.top < 0 || box.left < 0 ||
      box.top + box.height > image.height || box.left + box.width > image.width)
    fail("resize: box of {}x{} at ({}, {}) in a picture of {}x{} to {}x{}; the box must lie inside and no side be 0",
         box.width, box.height, box.left, box.top, image.width, image.height, width, height);
  if (box.height == height && box.width == width) return crop(image, box.top, box.left, height, width);
  const int64_t channels = image.channels, n = width * channels;
  Image out = Image::zeros(height, width, channels);
  const auto input_row = [&](int64_t y) {
    return image.pixels.data() + ((box.top + y) * image.width + box.left) * channels;
  };

  const Windows rows(box.width, width), columns(box.height, height);
  std::vector<uint8_t> narrow(static_cast<size_t>(box.height * n));
  for (int64_t y = 0; y < box.height; y++) {
    uint8_t* to = narrow.data() + y * n;
    if (box.width == width)
      std::copy_n(input_row(y), n, to);
    else
      channels == 1 ? resample_row<1>(input_row(y), rows, to) : resample_row<3>(input_row(y), rows, to);
  }
  if (box.height == height) {
    out.pixels = std::move(narrow);
    return out;
  }
  std::vector<int32_t> sums(static_cast<size_t>(n));
  for (int64_t y = 0; y < height; y++)
    resample_column(narrow.data() + columns[y].first * n, n, columns[y], sums.data(), out.pixels.data() + y * n);
  return out;
}

}  // namespace ghost
