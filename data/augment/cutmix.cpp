#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "data/augment/beta.h"
#include "data/augment/unit.h"

namespace ghost {

// Yun et al., 2019 (arXiv 1905.04899). One rectangle for the whole batch, as timm and torchvision have it; the share of
// the labels is that of the pixels, also where the rectangle reaches over the border.
struct CutMix final : AugmentationUnit<CutMix, BatchAugmentation> {
  double alpha = 0, probability = 1, switching = 0.5;

  void describe(Description& d) override {
    d.field("alpha", &alpha, "of the Beta distribution of the other image's share; 0: off", rule::at_least(0, 1e3));
    d.field("probability", &probability, "of a batch with a rectangle of another image", rule::share());
    d.field("switch_probability", &switching, "of cutmix rather than mixup for a batch, where both are on",
            rule::share());
  }
  void check(const std::string& path, const Finding& refuse) const override {
    if (alpha > 0 && probability == 0)
      refuse({path + "probability", path + "alpha"},
             fmt::format("{0}probability is 0, but {0}alpha is {1}: leave both out to mix nothing", path, alpha));
  }
  bool on() const override { return alpha > 0; }
  double switch_probability() const override { return switching; }

  double mix(const ImageBatch& batch, RandomStream& random) const override {
    if (!random.flip(probability)) return 1;
    const double side = std::sqrt(1 - symmetric_beta(alpha, random)) / 2;
    const auto [top, bottom] = span(batch.height, side, random);
    const auto [left, right] = span(batch.width, side, random);
    const int64_t row = batch.width * batch.channels, image = batch.height * row;
    const int64_t begin = left * batch.channels, count = (right - left) * batch.channels;
    parallel_for(bottom - top, [&, top = top](int64_t y) {
      float* const at = batch.values + (top + y) * row + begin;
      const std::vector<float> first(at, at + count);
      for (int64_t n = 0; n < batch.count; n++) {
        float* const to = at + n * image;
        std::copy_n(n + 1 < batch.count ? to + image : first.data(), count, to);
      }
    });
    return 1 - static_cast<double>((bottom - top) * (right - left)) / static_cast<double>(batch.height * batch.width);
  }

 private:
  // Half a side to both sides of a random pixel, inside of the image.
  static std::pair<int64_t, int64_t> span(int64_t size, double half_side, RandomStream& random) {
    const int64_t middle = random.below(size);
    const auto half = static_cast<int64_t>(half_side * static_cast<double>(size));
    return {std::max<int64_t>(middle - half, 0), std::min(middle + half, size)};
  }
};
template AugmentationPtr make_augmentation<CutMix>();

}  // namespace ghost
