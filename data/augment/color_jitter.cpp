#include <algorithm>

#include "data/augment/unit.h"
#include "data/transforms.h"

namespace ghost {

// torchvision's ColorJitter without hue: each factor uniform in [max(0, 1 − strength), 1 + strength], in random order.
struct ColorJitter final : AugmentationUnit<ColorJitter, PixelAugmentation> {
  double brightness = 0, contrast = 0, saturation = 0;  // strengths

  void describe(Description& d) override {
    const FieldRule strength = rule::at_least(0, 10);
    d.field("brightness", &brightness, "strength of brightness jitter; 0: none", strength);
    d.field("contrast", &contrast, "strength of contrast jitter; 0: none", strength);
    d.field("saturation", &saturation, "strength of saturation jitter; 0: none", strength);
  }
  bool on() const override { return brightness > 0 || contrast > 0 || saturation > 0; }

  void apply(Image& image, const SampleKey& /*key*/, RandomStream& random) const override {
    constexpr std::array adjust{adjust_brightness, adjust_contrast, adjust_saturation};
    const std::array strengths{brightness, contrast, saturation};
    for (const int64_t i : random.permutation(3)) {
      const double strength = strengths[static_cast<size_t>(i)];
      const double factor = random.uniform(std::max(0.0, 1 - strength), 1 + strength);
      if (strength > 0) adjust[static_cast<size_t>(i)](image, factor);
    }
  }
};
template AugmentationPtr make_augmentation<ColorJitter>();

}  // namespace ghost
