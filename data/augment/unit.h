// What a unit includes. A whole one, beside its line of the table:
//
//   struct Invert final : AugmentationUnit<Invert, PixelAugmentation> {
//     double probability = 0;
//     void describe(Description& d) override {
//       d.field("probability", &probability, "of an inverted image; 0: never", rule::at_least(0, 1));
//     }
//     bool on() const override { return probability > 0; }
//     void apply(Image& image, const SampleKey& /*key*/, RandomStream& random) const override {
//       if (random.flip(probability))
//         for (uint8_t& v : image.pixels) v = static_cast<uint8_t>(255 - v);
//     }
//   };
//   template AugmentationPtr make_augmentation<Invert>();
//
//   {"invert", "inverts all pixels", make_augmentation<struct Invert>},
#pragma once
#include "data/augment/augmentation.h"

namespace ghost {

// Stage: GeometryAugmentation, PixelAugmentation, NormalizedAugmentation or BatchAugmentation.
template <class Unit, class Stage>
class AugmentationUnit : public Stage {
 public:
  AugmentationPtr copy() const final { return std::make_unique<Unit>(static_cast<const Unit&>(*this)); }
  void assign(const Augmentation& other) final { static_cast<Unit&>(*this) = static_cast<const Unit&>(other); }
};

template <class Unit>
AugmentationPtr make_augmentation() {
  return std::make_unique<Unit>();
}

}  // namespace ghost
