#include <algorithm>

#include "data/augment/unit.h"

namespace ghost {

// torchvision's RandomCrop with padding: every place of the window is as likely as another.
struct RandomCrop final : AugmentationUnit<RandomCrop, GeometryAugmentation> {
  int64_t padding = 0;
  std::string padding_mode = "zeros";

  void describe(Description& d) override {
    d.field("crop_padding", &padding, "pixels around the image before a random crop; 0: no such crop",
            rule::at_least(0, 1024));
    d.field("crop_padding_mode", &padding_mode, "what is around the image: zeros, or its mirror image",
            rule::one_of({"zeros", "reflect"}));
  }
  bool on() const override { return padding > 0; }

  Framing framing(PictureSize stored, FramingTarget target, RandomStream& random) const override {
    Framing framing = whole_picture(stored, target);
    if (padding_mode == "reflect") framing.outside = Framing::Outside::reflect;
    const auto corner = [&](int64_t side) {
      // A picture smaller than the crop stands in its middle before padding.
      const int64_t missing = std::max<int64_t>(target.size - side, 0), padded = side + missing + 2 * padding;
      return random.below(padded - target.size + 1) - padding - missing / 2;
    };
    framing.top = corner(framing.resized.height);
    framing.left = corner(framing.resized.width);
    return framing;
  }
};
template AugmentationPtr make_augmentation<RandomCrop>();

}  // namespace ghost
