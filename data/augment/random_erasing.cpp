#include <cmath>

#include "data/augment/unit.h"

namespace ghost {

// Zhong et al., 2017 (arXiv 1708.04896), after normalisation as torchvision and timm do it: a rectangle of random area
// and aspect ratio inside the image. Ten tries are made to draw one that fits.
struct RandomErasing final : AugmentationUnit<RandomErasing, NormalizedAugmentation> {
  double probability = 0;
  std::array<double, 2> area{0.02, 0.33}, aspect{0.3, 3.3};
  std::string value = "0";

  void describe(Description& d) override {
    d.field("probability", &probability, "of an image with an erased rectangle; 0: none", rule::share());
    d.field("area", &area, "smallest and largest share of the image's area", rule::above(0, 1));
    d.field("aspect", &aspect, "smallest and largest height/width of the rectangle", rule::above(0, 100));
    d.field("value", &value, "what it becomes: 0 (the mean of all images), the image's own mean, noise",
            rule::one_of({"0", "mean", "noise"}));
  }
  void check(const std::string& path, const Finding& refuse) const override {
    for (const auto& [key, range] : {std::pair{"area", area}, {"aspect", aspect}})
      if (range[0] > range[1])
        refuse({path + key}, fmt::format("{}{} is [{}, {}], but the smallest comes first: [{}, {}]", path, key,
                                         range[0], range[1], range[1], range[0]));
  }
  bool on() const override { return probability > 0; }

  void apply(const NormalizedImage& image, RandomStream& random) const override {
    if (!random.flip(probability)) return;
    const auto pixels = static_cast<double>(image.height * image.width);
    for (int attempt = 0; attempt < 10; attempt++) {
      const double erased = pixels * random.uniform(area[0], area[1]);
      const double ratio = std::exp(random.uniform(std::log(aspect[0]), std::log(aspect[1])));
      const auto height = static_cast<int64_t>(std::nearbyint(std::sqrt(erased * ratio)));
      const auto width = static_cast<int64_t>(std::nearbyint(std::sqrt(erased / ratio)));
      if (height < 1 || width < 1 || height >= image.height || width >= image.width) continue;
      const int64_t top = random.below(image.height - height + 1), left = random.below(image.width - width + 1);
      fill(image, top, left, height, width, random);
      return;
    }
  }

 private:
  void fill(const NormalizedImage& image, int64_t top, int64_t left, int64_t height, int64_t width,
            RandomStream& random) const {
    std::array<float, 3> color{};
    if (value == "mean") color = mean_of(image);
    const bool noise = value == "noise";
    for (int64_t y = top; y < top + height; y++) {
      float* row = image.values + (y * image.width + left) * image.channels;
      for (int64_t i = 0; i < width * image.channels; i++)
        row[i] = noise ? static_cast<float>(random.normal()) : color[static_cast<size_t>(i % image.channels)];
    }
  }

  static std::array<float, 3> mean_of(const NormalizedImage& image) {
    std::array<double, 3> sum{};
    const int64_t pixels = image.height * image.width;
    for (int64_t i = 0; i < pixels * image.channels; i++)
      sum[static_cast<size_t>(i % image.channels)] += image.values[i];
    std::array<float, 3> mean{};
    for (size_t c = 0; c < mean.size(); c++) mean[c] = static_cast<float>(sum[c] / static_cast<double>(pixels));
    return mean;
  }
};
template AugmentationPtr make_augmentation<RandomErasing>();

}  // namespace ghost
