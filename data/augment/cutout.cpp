#include <algorithm>

#include "data/augment/unit.h"

namespace ghost {

// DeVries and Taylor, 2017 (arXiv 1708.04552): the square's centre is any pixel, so part of it may be outside.
struct Cutout final : AugmentationUnit<Cutout, NormalizedAugmentation> {
  int64_t side = 0;

  void describe(Description& d) override {
    d.field("cutout", &side, "side of a square of zeros (after normalisation) in each image; 0: none",
            rule::at_least(0, 4096));
  }
  bool on() const override { return side > 0; }

  void apply(const NormalizedImage& image, RandomStream& random) const override {
    const int64_t top = random.below(image.height) - side / 2, left = random.below(image.width) - side / 2;
    const int64_t x0 = std::max<int64_t>(left, 0), x1 = std::min(left + side, image.width);
    for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + side, image.height); y++)
      std::fill_n(image.values + (y * image.width + x0) * image.channels, (x1 - x0) * image.channels, 0.0F);
  }
};
template AugmentationPtr make_augmentation<Cutout>();

}  // namespace ghost
