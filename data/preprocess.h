// From a decoded picture to what the network sees.
#pragma once
#include "core/rng.h"
#include "data/image.h"
#include "data/registry.h"
#include "data/transforms.h"

namespace ghost {

// Pictures become (image_size, image_size, channels), normalised. Pixels stay in 8 bits until the last step. A picture
// so narrow that resizing it would take more than kMaxPixels is an ImageError, which does not know the picture's name.
class Preprocessor {
 public:
  // Throws UsageError for an option that is not as described.
  Preprocessor(const DataSplits& splits, const AugmentConfig& augment);
  int64_t values() const { return size_ * size_ * channels_; }  // of one sample

  // Resize the shorter side to `resize` (0: as stored, but a picture larger than image_size on both sides is shrunk to
  // it) and cut out the centre, zero-padded where the picture is smaller.
  Image evaluation_image(Image image) const;
  void evaluation(Image image, float* out) const;

  // Grey ↔ RGB, then one of: random resized crop of the stored picture; resize as above and a random crop of the
  // picture with crop_padding zeros around it; resize and centre crop. Then flip, colour jitter, lighting (of RGB
  // only).
  void training(Image image, RandomStream& random, float* out) const;

 private:
  Image resized(Image image) const;
  Image random_crop(const Image& image, RandomStream& random) const;

  int64_t size_, channels_, resize_;
  AugmentConfig augment_;
  Normalizer normalize_;
};

}  // namespace ghost
