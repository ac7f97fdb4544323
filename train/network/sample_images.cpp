#include "train/network/sample_images.h"

#include <algorithm>

#include "core/rng.h"
#include "data/preprocess.h"
#include "train/network/evaluated_data.h"

namespace ghost {
namespace {

SampleImages prepared(const Preprocessing& preprocessing, const std::vector<Image>& images) {
  const Preprocessor preprocessor(splits_of(preprocessing), {});
  const auto count = std::ssize(images);
  const int64_t size = preprocessing.image_size, values = preprocessor.values();
  const Shape shape{count, size, size, preprocessing.channels};
  std::vector<uint8_t> pixels;
  SampleImages samples;
  samples.normalized = Tensor::empty(shape);
  float* to = samples.normalized.mutable_data<float>();
  for (const Image& image : images) {
    const Image centre = preprocessor.evaluation_image(image);
    pixels.insert(pixels.end(), centre.pixels.begin(), centre.pixels.end());
    preprocessor.evaluation(image, to);
    to += values;
  }
  samples.pixels = Tensor::from(pixels, shape);
  return samples;
}

std::vector<Image> random_images(const Preprocessing& preprocessing, int64_t count) {
  RandomStream stream(0, "sample_images");
  std::vector<Image> images;
  for (int64_t i = 0; i < count; i++) {
    images.push_back(Image::zeros(preprocessing.image_size, preprocessing.image_size, preprocessing.channels));
    for (uint8_t& pixel : images.back().pixels) pixel = static_cast<uint8_t>(stream.uniform(0, 256));
  }
  return images;
}

}  // namespace

SampleImages sample_images(const Network& network, const std::string& split, int64_t count) {
  std::vector<Image> images;
  std::string why;
  try {
    const EvaluatedData data = open_evaluated_data(network, split, false);
    const Dataset& part = *data.parts.front().second;
    const int64_t taken = std::min(count, part.size());
    for (int64_t i = 0; i < taken; i++) images.push_back(part.read(part.size() * i / taken));
    if (!images.empty()) {
      SampleImages samples = prepared(*network.preprocessing, images);
      samples.real = true;
      samples.from = fmt::format("{} {} images of {}", taken, names_of_parts(data), network.config.data.name);
      return samples;
    }
    why = "it has no images";
  } catch (const Error& e) {
    why = e.what();
  }
  SampleImages samples = prepared(*network.preprocessing, random_images(*network.preprocessing, count));
  samples.from =
      message_of("{} images of random pixels, since {} cannot be read: {}", count, network.config.data.name, why);
  return samples;
}

}  // namespace ghost
