// Pictures to pictures of another size, place or colour, in 8 bits as Pillow does it, and the last step to f32.
// Every random draw comes from the stream that is handed in.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "data/image.h"

namespace ghost {

struct Box {  // of pixels, inside a picture
  int64_t top = 0, left = 0, height = 0, width = 0;
};

// Bilinear with antialiasing: where it shrinks the triangle widens by the scale, so every pixel counts. Same bits as
// Pillow's Image.resize(BILINEAR): 22-bit weights, rows first, rounded to 8 bits between the two passes.
Image resize_bilinear(const Image& image, int64_t height, int64_t width);
Image resize_bilinear(const Image& image, const Box& box, int64_t height, int64_t width);  // of the box alone
// torchvision's Resize(side): the shorter side becomes `side`, the longer one int(side·long/short).
Image resize_shorter_side(const Image& image, int64_t side);

// The window (height, width) whose corner is at (top, left), also outside of the picture: zeros are there.
Image crop(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width);
// torchvision's CenterCrop: top = (h − size)/2 and left likewise, rounded half to even; a picture smaller than size is
// zero-padded, the odd row and column below and right.
Image center_crop(Image image, int64_t size);
void flip_horizontal(Image& image);

// Grey to RGB by repetition, RGB to grey by ITU-R 601 luma as Pillow's convert("L"): (19595 R + 38470 G + 7471 B)/2^16,
// rounded.
Image with_channels(Image image, int64_t channels);

// torchvision's RandomResizedCrop: area share uniform in `scale`, aspect w/h log-uniform in 3/4..4/3, ten tries, then
// the largest centred box with an allowed aspect.
Box random_resized_crop(int64_t height, int64_t width, const std::array<double, 2>& scale, RandomStream& random);

// Pillow's ImageEnhance with factor ≥ 0 (0: all black, all mean grey, all luma; 1: unchanged), cut off to 0..255.
void adjust_brightness(Image& image, double factor);
void adjust_contrast(Image& image, double factor);
void adjust_saturation(Image& image, double factor);  // leaves a grey picture as it is
// torchvision's ColorJitter without hue: each factor uniform in [max(0, 1 − strength), 1 + strength], in random order.
void color_jitter(Image& image, double brightness, double contrast, double saturation, RandomStream& random);

// PCA lighting (Krizhevsky et al., 2012, §4.1): what is added to R, G, B in 0..1, Σ_i p_i λ_i α_i with α_i normal of
// the given deviation and ImageNet's eigenvectors p and square roots of eigenvalues λ.
std::array<double, 3> lighting_offset(double deviation, RandomStream& random);

// (v/255 − mean)/std in f32, as PyTorch computes it; a table of 256 results for each channel.
class Normalizer {
 public:
  Normalizer(std::span<const double> mean, std::span<const double> std);  // one of each per channel, std > 0
  int64_t channels() const { return static_cast<int64_t>(table_.size()); }
  // image (H, W, C) → out (H, W, C); `offset` per channel in 0..1 is added before the normalisation, empty: none.
  void operator()(const Image& image, float* out, std::span<const double> offset = {}) const;

 private:
  std::vector<std::array<float, 256>> table_;
  std::vector<float> std_;
};

}  // namespace ghost
