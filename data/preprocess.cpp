#include "data/preprocess.h"

#include <algorithm>
#include <utility>

#include "data/format_check.h"

namespace ghost {

Preprocessor::Preprocessor(const DataSplits& splits, const AugmentConfig& augment)
    : size_(splits.image_size),
      channels_(splits.channels),
      resize_(splits.resize),
      augment_(augment),
      normalize_(splits.mean, splits.std) {
  check_options(augment, "data.augment");
  if (normalize_.channels() != channels_)
    fail("preprocessing: {} channels, but {} means", channels_, normalize_.channels());
}

Image Preprocessor::resized(Image image) const {
  const int64_t shorter = std::min(image.height, image.width), longer = std::max(image.height, image.width);
  const int64_t side = resize_ > 0 ? resize_ : shorter > size_ ? size_ : 0;
  if (side == 0) return image;
  // A strip of one pixel's height would grow to gigabytes.
  if (side * longer / shorter > kMaxPixels / side)
    throw ImageError(fmt::format("{}x{} pixels, which would be more than {} million with a shorter side of {}",
                                 image.width, image.height, kMaxPixels / 1'000'000, side));
  return resize_shorter_side(image, side);
}

Image Preprocessor::evaluation_image(Image image) const {
  return center_crop(resized(with_channels(std::move(image), channels_)), size_);
}

void Preprocessor::evaluation(Image image, float* out) const { normalize_(evaluation_image(std::move(image)), out); }

Image Preprocessor::random_crop(const Image& image, RandomStream& random) const {
  const auto corner = [&](int64_t side) {
    // A picture smaller than the crop stands in its middle before padding.
    const int64_t missing = std::max<int64_t>(size_ - side, 0), padded = side + missing + 2 * augment_.crop_padding;
    return random.below(padded - size_ + 1) - augment_.crop_padding - missing / 2;
  };
  const int64_t top = corner(image.height), left = corner(image.width);
  return crop(image, top, left, size_, size_);
}

void Preprocessor::training(Image image, RandomStream& random, float* out) const {
  const AugmentConfig& a = augment_;
  image = with_channels(std::move(image), channels_);
  if (a.random_resized_crop)
    image = resize_bilinear(image, random_resized_crop(image.height, image.width, a.scale, random), size_, size_);
  else if (a.crop_padding > 0)
    image = random_crop(resized(std::move(image)), random);
  else
    image = center_crop(resized(std::move(image)), size_);
  if (a.flip && random.flip(0.5)) flip_horizontal(image);
  if (a.brightness > 0 || a.contrast > 0 || a.saturation > 0)
    color_jitter(image, a.brightness, a.contrast, a.saturation, random);
  if (a.lighting > 0 && channels_ == 3)
    normalize_(image, out, lighting_offset(a.lighting, random));
  else
    normalize_(image, out);
}

}  // namespace ghost
