// Pictures to pictures of another size, place or colour, in 8 bits as Pillow does it, and the step to f32. Nothing here
// is random: augmentations (data/augment) are, and are made of these.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "data/framing.h"
#include "data/image.h"

namespace ghost {

// The pixels of the box, bilinear with antialiasing: where it shrinks the triangle widens by the scale, so every pixel
// counts. Same bits as Pillow's Image.resize(BILINEAR): 22-bit weights, rows first, rounded to 8 bits between the two
// passes.
Image resize_bilinear(const Image& image, const Box& box, int64_t height, int64_t width);

// The window (height, width) whose corner is at (top, left), also outside of the picture: zeros are there.
Image crop(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width);
// The same with the picture mirrored at its outermost pixels, as often as needed.
Image crop_reflected(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width);
void flip_horizontal(Image& image);

// Grey to RGB by repetition, RGB to grey by ITU-R 601 luma as Pillow's convert("L"): (19595 R + 38470 G + 7471 B)/2^16,
// rounded.
Image with_channels(Image image, int64_t channels);

// Pillow's Image.blend: from `from` (factor 0) to `to` (factor 1) and beyond, cut off to 0..255 and towards zero.
uint8_t blend(float from, float to, float factor);

// Pillow's ImageEnhance with factor ≥ 0 (0: all black, all mean grey, all luma; 1: unchanged), cut off to 0..255.
void adjust_brightness(Image& image, double factor);
void adjust_contrast(Image& image, double factor);
void adjust_saturation(Image& image, double factor);  // leaves a grey picture as it is

// (v/255 − mean)/std in f32, as PyTorch computes it; a table of 256 results for each channel.
class Normalizer {
 public:
  Normalizer(std::span<const double> mean, std::span<const double> std);  // one of each per channel, std > 0
  int64_t channels() const { return static_cast<int64_t>(table_.size()); }
  std::span<const float> deviations() const { return std_; }
  // image (H, W, C) → out (H, W, C)
  void operator()(const Image& image, float* out) const;

 private:
  std::vector<std::array<float, 256>> table_;
  std::vector<float> std_;
};

}  // namespace ghost
