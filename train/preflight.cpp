#include "train/preflight.h"

#include <algorithm>

#include "train/finite.h"

namespace ghost {

namespace {

// What the layers saw of one batch.
struct Seen {
  std::vector<std::string> blind_convs;  // paths of convolutions larger than 1×1 on 1×1 maps
  std::string single_value_norm;         // path of the first batch norm on 1×1 maps
  bool any_norm = false;
};

bool is_single_pixel(const Shape& x) { return x.pixels() == x[0]; }

Seen look_through(Module& model, const Batch& batch, int64_t classes) {
  const NoGrad no_grad;
  Seen seen;
  const ForwardObserver observer([&](Module& module, const Tensor& x, const Tensor&) {
    const std::string kind = module.kind();
    if (kind == "BatchNorm2d") {
      seen.any_norm = true;
      if (is_single_pixel(x.shape()) && seen.single_value_norm.empty()) seen.single_value_norm = module.path();
    } else if (kind == "Conv2d" && is_single_pixel(x.shape())) {
      const Shape weight = module.parameters().front().tensor.shape();  // (O, KH, KW, I/groups)
      if (weight[1] * weight[2] > 1) seen.blind_convs.push_back(module.path());
    }
  });
  const bool before = model.training();
  model.eval();
  const Tensor logits = model(batch.images);
  model.train(before);
  if (const Shape expected{batch.images.size(0), classes}; !(logits.shape() == expected))
    fail("the model maps a batch {} to {}, but {} classes need {}", batch.images.shape().str(), logits.shape().str(),
         classes, expected.str());
  if (!all_finite(logits)) fail("before training starts, {}", blame_forward(model, batch));
  return seen;
}

// The nearest batch sizes that do not leave a last micro-batch of one image.
std::string better_batch_sizes(const TrainConfig& train, int64_t images) {
  std::string names;
  for (const int64_t direction : {-1, 1})
    for (int64_t micro = train.batch_size / train.accumulate + direction; micro > 1 && micro <= images;
         micro += direction)
      if (images % micro != 1) {
        names += (names.empty() ? "" : " or ") + std::to_string(micro * train.accumulate);
        break;
      }
  return names;
}

}  // namespace

DataConfig data_config(const Config& config) {
  DataConfig data = config.data;
  if (config.model_channels_set && data.channels == 0) data.channels = config.model.in_channels;
  return data;
}

ModelConfig model_config(const Config& config, const DataSplits& data) {
  ModelConfig model = config.model;
  const auto classes = static_cast<int64_t>(data.train->class_names().size());
  if (!config.model_channels_set) model.in_channels = data.channels;
  if (model.in_channels != data.channels)
    fail_usage("model.in_channels is {}, but data.channels gives images of {}: make them equal, or leave one out",
               model.in_channels, data.channels);
  if (!config.model_classes_set) model.num_classes = classes;
  if (model.num_classes < classes)
    fail_usage("model.num_classes is {}, but {} has {} classes: leave it out, or set it to {} or more",
               model.num_classes, config.data.name, classes, classes);
  return model;
}

int64_t micro_batch_size(const TrainConfig& train) {
  if (train.batch_size % train.accumulate == 0) return train.batch_size / train.accumulate;
  int64_t below = train.accumulate, above = train.accumulate;
  while (train.batch_size % below != 0) --below;
  while (above < train.batch_size && train.batch_size % above != 0) ++above;
  fail_usage(
      "train.accumulate is {}, which does not divide train.batch_size {}: the nearest values that do are {} and {}",
      train.accumulate, train.batch_size, below, std::min(above, train.batch_size));
}

std::vector<std::string> preflight(Module& model, const Batch& batch, const TrainConfig& train,
                                   const ModelConfig& built, const DataSplits& data) {
  const Seen seen = look_through(model, batch, built.num_classes);
  std::vector<std::string> warnings;
  const auto classes = static_cast<int64_t>(data.train->class_names().size());
  if (built.num_classes > classes)
    warnings.push_back(
        fmt::format("model.num_classes is {}, but the data has only {} classes: {} outputs will never be right",
                    built.num_classes, classes, built.num_classes - classes));
  if (!seen.blind_convs.empty())
    warnings.push_back(fmt::format(
        "{} convolutions with kernels larger than 1×1 see maps of 1×1 pixels (the first is {}), so that only the "
        "centre "
        "of their kernels learns: images of {}×{} are small for this model; enlarge data.image_size{}",
        seen.blind_convs.size(), seen.blind_convs.front(), data.image_size, data.image_size,
        built.name == "ghostnet" && built.stem_stride > 1 ? " or set model.stem_stride to 1" : ""));

  const int64_t images = data.train->size(), micro = micro_batch_size(train);
  if (seen.any_norm && (micro == 1 || images % micro == 1)) {
    const std::string which = micro == 1 ? "every batch" : "the last batch of an epoch";
    const std::string better = better_batch_sizes(train, images);
    const std::string advice = better.empty() ? "" : "; train.batch_size " + better + " would not";
    if (!seen.single_value_norm.empty())
      fail_usage("train.batch_size {} makes {} one image ({} in all), and {} cannot normalise a 1×1 map of one image{}",
                 train.batch_size, which, images, seen.single_value_norm, advice);
    warnings.push_back(
        fmt::format("train.batch_size {} makes {} one image ({} in all), whose batch statistics are poor{}",
                    train.batch_size, which, images, advice));
  }
  return warnings;
}

}  // namespace ghost
