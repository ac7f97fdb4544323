#include "train/loop/preflight.h"

#include <algorithm>
#include <cmath>

#include "nn/finite.h"
#include "nn/freeze.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"
#include "train/optim/optimizer.h"

namespace ghost {

namespace {

bool is_single_pixel(const Shape& x) { return x.rank() > 1 && x.pixels() == x[0]; }

// What the layers saw.
struct Seen {
  std::vector<std::string> blind_convs;  // paths of convolutions larger than 1×1 on 1×1 maps
  std::string single_value_norm;         // path of the first batch norm on 1×1 maps
  bool any_norm = false;
};

Seen look_through(const NetworkCost& cost) {
  Seen seen;
  for (const LayerCost& layer : cost.layers) {
    if (layer.calls == 0) continue;
    const bool single = is_single_pixel(layer.input);
    if (dynamic_cast<const BatchNorm2d*>(layer.module)) {
      seen.any_norm = true;
      if (single && seen.single_value_norm.empty()) seen.single_value_norm = layer.name;
    } else if (const auto* conv = dynamic_cast<const Conv2d*>(layer.module); conv && single) {
      if (!(conv->options().kernel == Size2(1))) seen.blind_convs.push_back(layer.name);
    }
  }
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

DataInfo data_info(const DataSplits& data) {
  return {.classes = std::ssize(data.train->class_names()),
          .channels = data.channels,
          .image_size = data.image_size,
          .train_images = data.train->size()};
}

DataInfo data_info_without_files(const Config& config) {
  const DataConfig data = data_config(config);
  const DatasetEntry* const entry = find_dataset(data.name);
  const DatasetInfo known = entry ? entry->info : DatasetInfo{};
  DataInfo info{.classes = known.classes,
                .channels = data.channels > 0 ? data.channels : known.channels,
                .image_size = data.image_size > 0 ? data.image_size : known.image_size,
                .train_images = known.train_images};
  if (info.classes == 0 && config.model_classes_set) info.classes = config.model.num_classes;
  // About as many: which ones they are, their names say.
  if (data.validation_share > 0)
    info.train_images = std::llround((1 - data.validation_share) * static_cast<double>(info.train_images));
  if (data.limit_train > 0 && info.train_images > 0) info.train_images = std::min(info.train_images, data.limit_train);
  return info;
}

DataInfo known_data_info(const Config& config) {
  const DataInfo info = data_info_without_files(config);
  const auto require = [&](int64_t value, const char* option, int64_t example, const char* what) {
    if (value == 0)
      fail_usage("{} is not set, and without its files nobody knows {} of {}: set it, e.g. --set {}={}", option, what,
                 config.data.name, option, example);
  };
  require(info.classes, "model.num_classes", 10, "the classes");
  require(info.channels, "data.channels", 1, "the channels");
  require(info.image_size, "data.image_size", 32, "the size");
  return info;
}

ModelConfig model_config(const Config& config, const DataInfo& data) {
  ModelConfig model = config.model;
  if (!config.model_channels_set) model.in_channels = data.channels;
  if (model.in_channels != data.channels)
    fail_usage("model.in_channels is {}, but data.channels gives images of {}: make them equal, or leave one out",
               model.in_channels, data.channels);
  if (!config.model_classes_set) model.num_classes = data.classes;
  if (model.num_classes < data.classes)
    fail_usage("model.num_classes is {}, but {} has {} classes: leave it out, or set it to {} or more",
               model.num_classes, config.data.name, data.classes, data.classes);
  return model;
}

ModelConfig model_config(const Config& config, const DataSplits& data) { return model_config(config, data_info(data)); }

int64_t micro_batch_size(const TrainConfig& train) {
  check_options(train, "train");
  return train.batch_size / train.accumulate;
}

void check_config(const Config& config) {
  micro_batch_size(config.train);
  DataInfo data = data_info_without_files(config);
  if (data.channels == 0) data.channels = config.model.in_channels;
  if (data.classes == 0) data.classes = config.model.num_classes;
  const ModulePtr model = construct_model(model_config(config, data));
  freeze(*model, config.train.freeze);
  check_groups(config.optimizer, trainable_parameters(*model));
}

TrainingWarnings training_warnings(const NetworkCost& cost, const ModelConfig& built, const TrainConfig& train,
                                   const DataInfo& data) {
  const Seen seen = look_through(cost);
  TrainingWarnings found;
  if (built.num_classes > data.classes)
    found.warnings.push_back(
        fmt::format("model.num_classes is {}, but the data has only {} classes: {} outputs will never be right",
                    built.num_classes, data.classes, built.num_classes - data.classes));
  if (!seen.blind_convs.empty())
    found.warnings.push_back(fmt::format(
        "{} convolutions with kernels larger than 1×1 see maps of 1×1 pixels (the first is {}), so that only the "
        "centre of their kernels learns: images of {}×{} are small for this model; enlarge data.image_size{}",
        seen.blind_convs.size(), seen.blind_convs.front(), data.image_size, data.image_size,
        built.name == "ghostnet" && built.stem_stride > 1 ? " or set model.stem_stride to 1" : ""));

  const int64_t images = data.train_images, micro = micro_batch_size(train);
  if (seen.any_norm && images > 0 && (micro == 1 || images % micro == 1)) {
    const std::string which = micro == 1 ? "every batch" : "the last batch of an epoch";
    const std::string better = better_batch_sizes(train, images);
    const std::string advice = better.empty() ? "" : "; train.batch_size " + better + " would not";
    if (!seen.single_value_norm.empty())
      found.refusal = fmt::format(
          "train.batch_size {} makes {} one image ({} in all), and {} cannot normalise a 1×1 map of one "
          "image{}",
          train.batch_size, which, images, seen.single_value_norm, advice);
    else
      found.warnings.push_back(
          fmt::format("train.batch_size {} makes {} one image ({} in all), whose batch statistics are poor{}",
                      train.batch_size, which, images, advice));
  }
  return found;
}

std::vector<std::string> preflight(Module& model, const Batch& batch, const TrainConfig& train,
                                   const ModelConfig& built, const DataSplits& data) {
  const NetworkCost seen = measure_cost(model, batch.images);
  const Tensor& logits = seen.output;
  if (const Shape expected{batch.images.size(0), built.num_classes}; !(logits.shape() == expected))
    fail("the model maps a batch {} to {}, but {} classes need {}", batch.images.shape().str(), logits.shape().str(),
         built.num_classes, expected.str());
  if (!all_finite(logits)) fail("before training starts, {}", blame_forward(model, batch.images));
  TrainingWarnings found = training_warnings(seen, built, train, data_info(data));
  if (!found.refusal.empty()) fail_usage("{}", found.refusal);
  return found.warnings;
}

}  // namespace ghost
