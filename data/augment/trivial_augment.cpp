#include "data/augment/operations.h"
#include "data/augment/unit.h"

namespace ghost {

// Müller and Hutter, 2021 (arXiv 2103.10158): the wide version, with torchvision's 31 strengths.
struct TrivialAugment final : AugmentationUnit<TrivialAugment, PixelAugmentation> {
  static constexpr int64_t kStrengths = 31;
  bool enabled = false;

  void describe(Description& d) override {
    d.field("trivial_augment", &enabled, "one operation of random strength on each image");
  }
  bool on() const override { return enabled; }

  void apply(Image& image, const SampleKey& /*key*/, RandomStream& random) const override {
    const auto operations = picture_operations();
    const PictureOperation& one = operations[static_cast<size_t>(random.below(std::ssize(operations)))];
    const double strength = static_cast<double>(random.below(kStrengths)) / (kStrengths - 1);
    const double value = one.trivial_augment(strength, {.height = image.height, .width = image.width});
    const bool negative = random.flip(0.5);
    one.apply(image, one.has_sign && negative ? -value : value);
  }
};
template AugmentationPtr make_augmentation<TrivialAugment>();

}  // namespace ghost
