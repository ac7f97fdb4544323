#include "data/transforms.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ghost {
namespace {

constexpr std::array<int32_t, 3> kLuma{19595, 38470, 7471};  // of 2^16

uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * kLuma[0] + rgb[1] * kLuma[1] + rgb[2] * kLuma[2] + 0x8000) >> 16);
}

void blend_from(Image& image, float from, double factor) {
  std::array<uint8_t, 256> table;
  for (size_t v = 0; v < table.size(); v++) table[v] = blend(from, static_cast<float>(v), static_cast<float>(factor));
  for (uint8_t& v : image.pixels) v = table[v];
}

}  // namespace

uint8_t blend(float from, float to, float factor) {
  return static_cast<uint8_t>(std::clamp(from + factor * (to - from), 0.0f, 255.0f));
}

Image crop(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width) {
  const int64_t channels = image.channels;
  Image out = Image::zeros(height, width, channels);
  const int64_t y0 = std::max<int64_t>(top, 0), y1 = std::min(top + height, image.height);
  const int64_t x0 = std::max<int64_t>(left, 0), x1 = std::min(left + width, image.width);
  if (x1 <= x0) return out;
  for (int64_t y = y0; y < y1; y++)
    std::copy_n(image.pixels.data() + (y * image.width + x0) * channels, (x1 - x0) * channels,
                out.pixels.data() + ((y - top) * width + x0 - left) * channels);
  return out;
}

Image crop_reflected(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width) {
  const int64_t channels = image.channels;
  const auto mirrored = [](int64_t at, int64_t side) {
    if (side == 1) return int64_t{0};
    const int64_t period = 2 * (side - 1), place = (at % period + period) % period;
    return std::min(place, period - place);
  };
  Image out = Image::zeros(height, width, channels);
  uint8_t* to = out.pixels.data();
  for (int64_t y = 0; y < height; y++) {
    const uint8_t* row = image.pixels.data() + mirrored(top + y, image.height) * image.width * channels;
    for (int64_t x = 0; x < width; x++, to += channels)
      std::copy_n(row + mirrored(left + x, image.width) * channels, channels, to);
  }
  return out;
}

void flip_horizontal(Image& image) {
  const int64_t w = image.width;
  for (int64_t y = 0; y < image.height; y++) {
    uint8_t* row = image.pixels.data() + y * w * image.channels;
    if (image.channels == 1) {
      std::reverse(row, row + w);
      continue;
    }
    for (int64_t a = 0, b = w - 1; a < b; a++, b--) std::swap_ranges(row + 3 * a, row + 3 * a + 3, row + 3 * b);
  }
}

Image with_channels(Image image, int64_t channels) {
  if (image.channels == channels) return image;
  if (channels != 1 && channels != 3) fail("images have 1 or 3 channels, not {}", channels);
  Image out = Image::zeros(image.height, image.width, channels);
  const int64_t count = image.height * image.width;
  for (int64_t p = 0; p < count; p++) {
    if (channels == 1)
      out.pixels[static_cast<size_t>(p)] = luma(image.pixels.data() + 3 * p);
    else
      std::fill_n(out.pixels.data() + 3 * p, 3, image.pixels[static_cast<size_t>(p)]);
  }
  return out;
}

void adjust_brightness(Image& image, double factor) { blend_from(image, 0, factor); }

void adjust_contrast(Image& image, double factor) {
  const int64_t count = image.height * image.width;
  int64_t sum = 0;
  for (int64_t p = 0; p < count; p++)
    sum += image.channels == 1 ? image.pixels[static_cast<size_t>(p)] : luma(image.pixels.data() + 3 * p);
  const double mean = static_cast<double>(sum) / static_cast<double>(std::max<int64_t>(count, 1));
  blend_from(image, static_cast<float>(std::floor(mean + 0.5)), factor);
}

void adjust_saturation(Image& image, double factor) {
  if (image.channels == 1) return;
  const auto f = static_cast<float>(factor);
  for (size_t p = 0; p + 2 < image.pixels.size(); p += 3) {
    uint8_t* rgb = image.pixels.data() + p;
    const float grey = luma(rgb);
    for (int c = 0; c < 3; c++) rgb[c] = blend(grey, rgb[c], f);
  }
}

Normalizer::Normalizer(std::span<const double> mean, std::span<const double> std) {
  if (mean.size() != std.size()) fail("normalisation: {} means but {} deviations", mean.size(), std.size());
  for (size_t c = 0; c < mean.size(); c++) {
    if (!(std[c] > 0)) fail("normalisation: deviation {} of channel {}; it must be above 0", std[c], c);
    const auto m = static_cast<float>(mean[c]), s = static_cast<float>(std[c]);
    table_.emplace_back();
    for (size_t v = 0; v < 256; v++) table_.back()[v] = (static_cast<float>(v) / 255 - m) / s;
    std_.push_back(s);
  }
}

void Normalizer::operator()(const Image& image, float* out) const {
  if (image.channels != channels())
    fail("normalisation: picture of {} channels, means of {}", image.channels, channels());
  const int64_t pixels = image.height * image.width;
  const uint8_t* in = image.pixels.data();
  if (channels() == 1) {
    for (int64_t p = 0; p < pixels; p++) out[p] = table_[0][in[p]];
  } else {
    const auto &r = table_[0], &g = table_[1], &b = table_[2];
    for (int64_t p = 0; p < 3 * pixels; p += 3) out[p] = r[in[p]], out[p + 1] = g[in[p + 1]], out[p + 2] = b[in[p + 2]];
  }
}

}  // namespace ghost
