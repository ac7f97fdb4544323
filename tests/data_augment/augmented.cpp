#include "data_augment/augmented.h"

#include <cmath>

namespace ghost::test {

DataSplits splits_of_pixels(int64_t image_size, int64_t channels, int64_t resize) {
  const auto n = static_cast<size_t>(channels);
  return {.train = nullptr,
          .test = nullptr,
          .image_size = image_size,
          .channels = channels,
          .resize = resize > 0 ? resize : image_size,
          .mean = std::vector<double>(n, 0.0),
          .std = std::vector<double>(n, 1.0 / 255),
          .enlarge = resize > 0};
}

std::vector<float> augmented_values(const Image& image, const DataSplits& splits, const AugmentConfig& augment,
                                    const SampleKey& key) {
  const Preprocessor preprocessor(splits, augment);
  std::vector<float> out(static_cast<size_t>(preprocessor.values()));
  preprocessor.training(image, key, out.data());
  return out;
}

ByteVector augmented(const Image& image, const DataSplits& splits, const AugmentConfig& augment, const SampleKey& key) {
  ByteVector pixels;
  for (const float v : augmented_values(image, splits, augment, key))
    pixels.push_back(static_cast<uint8_t>(std::lround(v)));
  return pixels;
}

std::string refusal(const AugmentConfig& augment) {
  try {
    check_options(augment, "data.augment");
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

}  // namespace ghost::test
