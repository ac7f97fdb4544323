#include "data/preprocess.h"

#include <algorithm>
#include <utility>

#include "data/format_check.h"

namespace ghost {

void check_augment(const AugmentConfig& a) {
  if (a.crop_padding < 0 || a.crop_padding > 1024)
    fail_usage("data.augment.crop_padding is {}; 0 to 1024 pixels were expected", a.crop_padding);
  if (!(a.scale[0] > 0 && a.scale[0] <= a.scale[1] && a.scale[1] <= 1))
    fail_usage("data.augment.scale is [{}, {}]; two shares 0 < a <= b <= 1 of the area were expected", a.scale[0],
               a.scale[1]);
  const std::pair<const char*, double> strengths[] = {
      {"brightness", a.brightness}, {"contrast", a.contrast}, {"saturation", a.saturation}, {"lighting", a.lighting}};
  for (const auto& [key, value] : strengths)
    if (!(value >= 0 && value <= 10)) fail_usage("data.augment.{} is {}; 0 (off) to 10 was expected", key, value);
  if (a.random_resized_crop && a.crop_padding > 0)
    fail_usage("data.augment: random_resized_crop and crop_padding {} exclude each other; set one of them to off",
               a.crop_padding);
}

Preprocessor::Preprocessor(const DataSplits& splits, const AugmentConfig& augment)
    : size_(splits.image_size),
      channels_(splits.channels),
      resize_(splits.resize),
      augment_(augment),
      normalize_(splits.mean, splits.std) {
  check_augment(augment);
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
