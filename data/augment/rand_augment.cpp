#include <algorithm>

#include "data/augment/operations.h"
#include "data/augment/unit.h"

namespace ghost {

// Cubuk et al., 2020 (arXiv 1909.13719), with torchvision's fourteen operations. `spread` is timm's mstd.
struct RandAugment final : AugmentationUnit<RandAugment, PixelAugmentation> {
  static constexpr double kLargest = 30;
  int64_t number = 0;
  double magnitude = 9, spread = 0;

  void describe(Description& d) override {
    d.field("number", &number, "operations on each image, one after another; 0: none", rule::at_least(0, 14));
    d.field("magnitude", &magnitude, "their strength, of 30", rule::at_least(0, kLargest));
    d.field("spread", &spread, "standard deviation of the magnitude from operation to operation",
            rule::at_least(0, kLargest));
  }
  bool on() const override { return number > 0; }

  void apply(Image& image, const SampleKey& /*key*/, RandomStream& random) const override {
    const auto operations = picture_operations();
    for (int64_t i = 0; i < number; i++) {
      const PictureOperation& one = operations[static_cast<size_t>(random.below(std::ssize(operations)))];
      const double drawn = std::clamp(magnitude + spread * random.normal(), 0.0, kLargest);
      const double value = one.rand_augment(drawn / kLargest, {.height = image.height, .width = image.width});
      const bool negative = random.flip(0.5);
      one.apply(image, one.has_sign && negative ? -value : value);
    }
  }
};
template AugmentationPtr make_augmentation<RandAugment>();

}  // namespace ghost
