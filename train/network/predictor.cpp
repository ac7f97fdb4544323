#include "train/network/predictor.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "core/ops/softmax.h"
#include "core/parallel.h"
#include "nn/finite.h"
#include "nn/infer.h"
#include "train/network/classes.h"

namespace ghost {

namespace {

const Preprocessing& known_preprocessing(const Network& network) {
  if (!network.preprocessing) fail("{}: does not say how pictures are prepared for it", network.file);
  return *network.preprocessing;
}

// Indices of the `count` largest, the largest first.
std::vector<int64_t> largest(std::span<const double> values, int64_t count) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  count = std::min(count, std::ssize(values));
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](int64_t a, int64_t b) {
    const double va = values[static_cast<size_t>(a)], vb = values[static_cast<size_t>(b)];
    return va != vb ? va > vb : a < b;
  });
  order.resize(static_cast<size_t>(count));
  return order;
}

}  // namespace

Predictor::Predictor(const Network& network)
    : classes_(network.classes),
      preprocessing_(known_preprocessing(network)),
      preprocessor_(splits_of(preprocessing_), {}),
      model_(network.model) {}

void Predictor::predict(const std::vector<std::filesystem::path>& files, const PredictOptions& options,
                        const std::function<void(const Prediction&)>& each) {
  if (options.top < 1) fail_usage("the number of classes to name is {}; at least 1 was expected", options.top);
  if (options.batch_size < 1) fail_usage("the batch size is {}; at least 1 was expected", options.batch_size);
  for (int64_t begin = 0; begin < std::ssize(files); begin += options.batch_size) {
    const int64_t count = std::min(options.batch_size, std::ssize(files) - begin);
    const std::span<const std::filesystem::path> part(files.data() + begin, static_cast<size_t>(count));
    for (const Prediction& prediction : predict_batch(part, options)) each(prediction);
  }
}

std::vector<Prediction> Predictor::predict_batch(std::span<const std::filesystem::path> files,
                                                 const PredictOptions& options) {
  const auto count = std::ssize(files);
  const int64_t values = preprocessor_.values();
  std::vector<Prediction> predictions(files.size());
  std::vector<float> pixels(static_cast<size_t>(count * values));
  parallel_for(count, [&](int64_t i) {
    Prediction& prediction = predictions[static_cast<size_t>(i)];
    prediction.file = files[static_cast<size_t>(i)];
    Image image;
    try {
      image = read_image(prediction.file);
    } catch (const ImageError& e) {
      prediction.error = e.what();
      return;
    }
    try {
      preprocessor_.evaluation(std::move(image), pixels.data() + i * values);
    } catch (const ImageError& e) {
      prediction.error = message_of("{}: {}", prediction.file.string(), e.what());
    }
  });

  std::vector<Prediction*> read;
  for (Prediction& prediction : predictions)
    if (prediction.error.empty()) read.push_back(&prediction);
  if (read.empty()) return predictions;
  const int64_t size = preprocessing_.image_size;
  Tensor images = Tensor::empty({std::ssize(read), size, size, preprocessing_.channels});
  auto* to = images.mutable_data<float>();
  for (const Prediction* prediction : read)
    to = std::copy_n(pixels.data() + (prediction - predictions.data()) * values, values, to);

  const Tensor result = infer(*model_, images);
  if (!all_finite(result))
    throw NotFiniteError(
        message_of("the network's answer to {} and what is with it is NaN or infinite", read.front()->file.string()));
  const std::vector<double> logits = result.to_vector<double>(),
                            all = softmax(result.to(DType::f64)).to_vector<double>();
  const size_t outputs = all.size() / read.size();
  for (size_t i = 0; i < read.size(); ++i) {
    const auto probabilities = std::span(all).subspan(i * outputs, outputs);
    for (const int64_t index : largest(probabilities, options.top))
      read[i]->top.push_back({.index = index,
                              .name = name_of_class(classes_, index),
                              .probability = probabilities[static_cast<size_t>(index)]});
    const auto own = std::span(logits).subspan(i * outputs, outputs);
    if (options.logits) read[i]->logits.assign(own.begin(), own.end());
  }
  return predictions;
}

}  // namespace ghost
