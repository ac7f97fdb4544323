#include <algorithm>
#include <cmath>

#include "data/augment/unit.h"

namespace ghost {
namespace {

// torchvision's RandomResizedCrop: area share uniform in `scale`, aspect w/h log-uniform in 3/4..4/3, ten tries, then
// the largest centred box with an allowed aspect.
Box random_box(PictureSize picture, const std::array<double, 2>& scale, RandomStream& random) {
  constexpr double kLeast = 3.0 / 4, kMost = 4.0 / 3;
  const auto [height, width] = picture;
  const double area = static_cast<double>(height) * static_cast<double>(width);
  const auto round = [](double v) { return static_cast<int64_t>(std::nearbyint(v)); };
  for (int attempt = 0; attempt < 10; attempt++) {
    const double target = area * random.uniform(scale[0], scale[1]);
    const double aspect = std::exp(random.uniform(std::log(kLeast), std::log(kMost)));
    const int64_t w = round(std::sqrt(target * aspect)), h = round(std::sqrt(target / aspect));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const int64_t top = random.below(height - h + 1), left = random.below(width - w + 1);
    return {.top = top, .left = left, .height = h, .width = w};
  }
  const double aspect = static_cast<double>(width) / static_cast<double>(height);
  int64_t h = height, w = width;
  if (aspect < kLeast)
    h = std::clamp<int64_t>(round(static_cast<double>(width) / kLeast), 1, height);
  else if (aspect > kMost)
    w = std::clamp<int64_t>(round(static_cast<double>(height) * kMost), 1, width);
  return {.top = (height - h) / 2, .left = (width - w) / 2, .height = h, .width = w};
}

}  // namespace

// A part of the stored picture, resized to the input's size (Szegedy et al., arXiv 1409.4842, section 6).
struct RandomResizedCrop final : AugmentationUnit<RandomResizedCrop, GeometryAugmentation> {
  bool enabled = false;
  std::array<double, 2> scale{0.08, 1.0};  // shares of the area, the smallest first

  void describe(Description& d) override {
    d.field("random_resized_crop", &enabled, "a crop of random area and aspect, resized");
    d.field("scale", &scale, "smallest and largest share of the area it takes",
            {.limits = {.least = 0, .most = 1, .above = true}});
  }
  void check(const std::string& path, const Finding& refuse) const override {
    if (scale[0] > scale[1])
      refuse({path + "scale"},
             fmt::format("{}scale is [{}, {}], but the smallest share comes first", path, scale[0], scale[1]));
  }
  bool on() const override { return enabled; }

  Framing framing(PictureSize stored, FramingTarget target, RandomStream& random) const override {
    return {.part = random_box(stored, scale, random), .resized = {.height = target.size, .width = target.size}};
  }
};
template AugmentationPtr make_augmentation<RandomResizedCrop>();

}  // namespace ghost
