#include "data/augment/unit.h"
#include "data/transforms.h"

namespace ghost {

struct Flip final : AugmentationUnit<Flip, PixelAugmentation> {
  std::string kind = "none";

  void describe(Description& d) override {
    FieldRule rule = rule::one_of({"none", "random", "alternate"});
    rule.spellings = {{"false", "none"}, {"true", "random"}};
    d.field("flip", &kind, "left to right: half of the time, or every other epoch after a random start", rule);
  }
  bool on() const override { return kind != "none"; }

  void apply(Image& image, const SampleKey& key, RandomStream& random) const override {
    if (kind == "random" ? random.flip(0.5) : is_turn(key)) flip_horizontal(image);
  }

 private:
  // Two epochs in a row see both sides of every image (Jordan, 2024, arXiv 2404.00498, section 3.6).
  static bool is_turn(const SampleKey& key) {
    RandomStream start(key.seed, "augment.flip.start", {static_cast<uint64_t>(key.sample)});
    return (start.flip(0.5) ? 1 : 0) == key.epoch % 2;
  }
};
template AugmentationPtr make_augmentation<Flip>();

}  // namespace ghost
