// From a decoded picture to what the network sees.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "data/augment/augmentation.h"
#include "data/augment/config.h"
#include "data/framing.h"
#include "data/image.h"
#include "data/registry.h"
#include "data/transforms.h"

namespace ghost {

// Pictures become (image_size, image_size, channels), normalised. Pixels stay in 8 bits until they are normalised. A
// picture so narrow that resizing it would take more than kMaxPixels is an ImageError, which does not know the
// picture's name.
class Preprocessor {
 public:
  // Throws UsageError for an option that is not as described.
  Preprocessor(const DataSplits& splits, const AugmentConfig& augment);
  int64_t values() const { return target_.size * target_.size * channels_; }  // of one sample

  // Grey ↔ RGB, the picture's centre (center_of_picture).
  Image evaluation_image(Image image) const;
  void evaluation(Image image, float* out) const;

  // Grey ↔ RGB, then the augmentations that are on, in the order of their table: the framing, which is the picture's
  // centre if none of them chooses it; those of 8-bit pixels; normalisation; those of normalised values.
  void training(Image image, const SampleKey& key, float* out) const;

 private:
  template <class Stage>
  using Active = std::vector<std::pair<const AugmentationEntry*, const Stage*>>;

  FramingTarget target_;
  int64_t channels_;
  Normalizer normalize_;
  std::shared_ptr<const AugmentConfig> augment_;  // what the next three point into
  Active<GeometryAugmentation> geometry_;         // one at most
  Active<PixelAugmentation> pixels_;
  Active<NormalizedAugmentation> normalized_;
};

}  // namespace ghost
