#include "data/augment/unit.h"
#include "data/transforms.h"

namespace ghost {

struct Flip final : AugmentationUnit<Flip, PixelAugmentation> {
  bool enabled = false;

  void describe(Description& d) override { d.field("flip", &enabled, "left to right, half of the time"); }
  bool on() const override { return enabled; }

  void apply(Image& image, RandomStream& random) const override {
    if (random.flip(0.5)) flip_horizontal(image);
  }
};
template AugmentationPtr make_augmentation<Flip>();

}  // namespace ghost
