#include "data/augment/unit.h"

namespace ghost {

// PCA lighting (Krizhevsky et al., 2012, section 4.1): Σ_i p_i λ_i α_i is added to R, G, B in 0..1, with α_i normal of
// the given deviation and ImageNet's eigenvectors p and square roots of eigenvalues λ. Grey images stay as they are.
struct Lighting final : AugmentationUnit<Lighting, NormalizedAugmentation> {
  double deviation = 0;

  void describe(Description& d) override {
    d.field("lighting", &deviation, "standard deviation of PCA lighting; 0: none, ImageNet's usual is 0.1",
            {.limits = {.least = 0, .most = 10}});
  }
  bool on() const override { return deviation > 0; }

  void apply(const NormalizedImage& image, RandomStream& random) const override {
    if (image.channels != 3) return;
    constexpr std::array value{0.2175, 0.0188, 0.0045};
    constexpr double vector[3][3] = {
        {-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};  // (colour, component)
    std::array<double, 3> offset{};
    for (size_t i = 0; i < 3; i++) {
      const double alpha = deviation * random.normal();
      for (size_t c = 0; c < 3; c++) offset[c] += vector[c][i] * value[i] * alpha;
    }
    const int64_t pixels = image.height * image.width;
    for (size_t c = 0; c < 3; c++) {
      const float shift = static_cast<float>(offset[c]) / image.deviation[c];
      for (int64_t p = 0; p < pixels; p++) image.values[3 * p + static_cast<int64_t>(c)] += shift;
    }
  }
};
template AugmentationPtr make_augmentation<Lighting>();

}  // namespace ghost
