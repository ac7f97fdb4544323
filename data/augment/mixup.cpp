#include "core/parallel.h"
#include "data/augment/beta.h"
#include "data/augment/unit.h"

namespace ghost {

// Zhang et al., 2018 (arXiv 1710.09412). One share for the whole batch, as timm and torchvision have it.
struct Mixup final : AugmentationUnit<Mixup, BatchAugmentation> {
  double alpha = 0, probability = 1;

  void describe(Description& d) override {
    d.field("alpha", &alpha, "of the Beta distribution of the other image's share; 0: off", rule::at_least(0, 1e3));
    d.field("probability", &probability, "of a mixed batch", rule::share());
  }
  void check(const std::string& path, const Finding& refuse) const override {
    if (alpha > 0 && probability == 0)
      refuse({path + "probability", path + "alpha"},
             fmt::format("{0}probability is 0, but {0}alpha is {1}: leave both out to mix nothing", path, alpha));
  }
  bool on() const override { return alpha > 0; }

  double mix(const ImageBatch& batch, RandomStream& random) const override {
    if (!random.flip(probability)) return 1;
    const double share = symmetric_beta(alpha, random);
    const auto own = static_cast<float>(share), other = static_cast<float>(1 - share);
    const int64_t row = batch.width * batch.channels, image = batch.height * row;
    // Of one row of all images, so that a copy of the first image's is all that is needed.
    parallel_for(batch.height, [&](int64_t y) {
      float* const at = batch.values + y * row;
      const std::vector<float> first(at, at + row);
      for (int64_t n = 0; n < batch.count; n++) {
        float* const to = at + n * image;
        const float* const from = n + 1 < batch.count ? to + image : first.data();
        for (int64_t i = 0; i < row; i++) to[i] = own * to[i] + other * from[i];
      }
    });
    return share;
  }
};
template AugmentationPtr make_augmentation<Mixup>();

}  // namespace ghost
