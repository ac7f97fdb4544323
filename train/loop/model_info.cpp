#include "train/loop/model_info.h"

#include <algorithm>
#include <charconv>

#include "core/kernels/rows.h"
#include "core/memory.h"
#include "core/shapes_only.h"
#include "nn/freeze.h"
#include "nn/infer.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/layer_spec.h"
#include "train/loop/arithmetic.h"

namespace ghost {
namespace {

constexpr int64_t kLargestSide = 4096;

// The configuration as if the data had images of this size.
Config with_input(Config config, const std::optional<InputSize>& input) {
  if (!input) return config;
  config.data.image_size = std::max(input->height, input->width);
  if (input->channels == 0) return config;
  if (config.model_channels_set && config.model.in_channels != input->channels)
    fail_usage("--input has {} channels, but model.in_channels is {}: make them equal, or leave one out",
               input->channels, config.model.in_channels);
  config.data.channels = input->channels;
  return config;
}

std::string example_path(const std::vector<std::string>& names) {
  return names.size() == 1 ? names.front() : names.front() + ", …";
}

std::optional<std::string> partly_empty_vectors(const NetworkCost& cost) {
  const int64_t lanes = rows<float>().lanes;
  int64_t convolutions = 0;
  std::vector<std::string> odd;
  for (const LayerCost& layer : cost.layers) {
    const auto* conv = dynamic_cast<const Conv2d*>(layer.module);
    if (!conv || layer.calls == 0) continue;
    convolutions++;
    if (conv->options().out % lanes != 0) odd.push_back(fmt::format("{}: {}", layer.name, conv->options().out));
  }
  if (odd.empty()) return std::nullopt;
  return fmt::format(
      "{} of {} convolutions make a number of channels that is no multiple of {}, this processor's "
      "vector, and leave a part of it empty ({})",
      odd.size(), convolutions, lanes, example_path(odd));
}

// An image to count with.
Tensor one_image(const Shape& image) {
  const int64_t bytes = Shape{1, image[0], image[1], image[2]}.numel() * static_cast<int64_t>(sizeof(float));
  constexpr int64_t kLarge = 64 << 20;
  if (bytes > kLarge)
    if (const MemoryLimit limit = memory_limit(); bytes > limit.available / 4)
      fail("one input of {}x{}x{} takes {} MiB, and {} are available ({}); a smaller --input would do", image[2],
           image[0], image[1], bytes >> 20, limit.available >> 20, limit.reason);
  return Tensor::zeros({1, image[0], image[1], image[2]});
}

}  // namespace

InputSize parse_input_size(const std::string& text) {
  std::vector<int64_t> numbers;
  const char *at = text.data(), *const end = at + text.size();
  for (bool more = true; more;) {
    int64_t number = 0;
    const auto [rest, error] = std::from_chars(at, end, number);
    if (error != std::errc() || number < 1 || number > kLargestSide) break;
    numbers.push_back(number);
    more = rest != end && *rest == 'x';
    at = more ? rest + 1 : rest;
  }
  if (at != end || text.empty() || text.back() == 'x' || numbers.empty() || numbers.size() > 3)
    fail_usage("--input is '{}', but must be CxHxW, HxW or one number for both sides (each 1 to {}), e.g. 3x224x224",
               text, kLargestSide);
  const size_t n = numbers.size();
  return {.channels = n == 3 ? numbers[0] : 0, .height = numbers[n == 1 ? 0 : n - 2], .width = numbers[n - 1]};
}

ModelInfo model_info(const Config& given, const ModelInfoOptions& options) {
  static const int64_t program = peak_resident_bytes();  // before the first model: later ones find its memory cached
  const Config config = with_input(given, options.input);
  const DataInfo data = known_data_info(config);
  ModelInfo info;
  info.config = model_config(config, data);
  info.data = config.data.name;
  info.image = options.input ? Shape{options.input->height, options.input->width, data.channels}
                             : Shape{data.image_size, data.image_size, data.channels};
  info.batch = options.batch.value_or(micro_batch_size(config.train));
  set_arithmetic(config.train);
  {
    const ShapesOnly shapes;
    info.model = construct_model(info.config);
    freeze(*info.model, config.train.freeze);
    info.cost = measure_cost(*info.model, one_image(info.image));
  }
  info.inferred_at_once = std::min(info.batch, images_at_once(*info.model, info.image));

  TrainConfig train = config.train;
  if (options.batch) train.batch_size = *options.batch, train.accumulate = 1;
  TrainingWarnings found = training_warnings(info.cost, info.config, train, data);
  info.warnings = std::move(found.warnings);
  if (!found.refusal.empty()) info.warnings.push_back("training would be refused: " + found.refusal);
  if (const auto vectors = partly_empty_vectors(info.cost)) info.warnings.push_back(*vectors);

  if (!options.memory) return info;
  const MemoryLimit limit = memory_limit();
  if (const int64_t needed = bytes_to_measure(info.cost); needed > limit.available / 2) {
    info.warnings.push_back(fmt::format(
        "memory is not measured, because {} images of {}×{} would need about {} MiB and {} are available ({}); a "
        "smaller --input would do",
        images_to_measure(info.cost), info.image[0], info.image[1], needed >> 20, limit.available >> 20, limit.reason));
    return info;
  }
  info.model->initialise(config.run.seed);
  const EstimatedModel of{*info.model, info.cost, info.image};
  info.memory = measure_memory(of, config, info.batch);
  info.estimate = estimate_memory(of, *info.memory, config, info.batch, program);
  return info;
}

ModelInfo layer_info(const std::string& layer, const ModelInfoOptions& options) {
  constexpr InputSize kUsual{.channels = 0, .height = 32, .width = 32};
  const ShapesOnly shapes;
  const LayerSpec spec = parse_layer(layer);
  const InputSize input = options.input.value_or(kUsual);
  if (input.channels != 0 && input.channels != spec.in_channels)
    fail_usage("--input has {} channels, but {} takes {}", input.channels, layer, spec.in_channels);
  ModelInfo info;
  info.config.name = spec.kind, info.config.num_classes = 0, info.config.in_channels = spec.in_channels;
  info.image = {input.height, input.width, spec.in_channels};
  info.batch = options.batch.value_or(1);
  info.model = spec.layer;
  info.cost = measure_cost(*info.model, one_image(info.image));
  return info;
}

}  // namespace ghost
