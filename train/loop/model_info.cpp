#include "train/loop/model_info.h"

#include <algorithm>
#include <charconv>
#include <unistd.h>

#include "core/kernels/rows.h"
#include "core/memory.h"
#include "nn/freeze.h"
#include "nn/infer.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/layer_spec.h"
#include "train/loop/arithmetic.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

constexpr int64_t kLargestSide = 4096;
constexpr int64_t kFloat = sizeof(float);

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

// A few, so that it does not take long; not too few, for what does not grow with the batch is told from what does.
int64_t images_to_measure(const NetworkCost& cost) {
  constexpr int64_t kMacs = int64_t{4} << 30;
  return cost.model().macs * 8 <= kMacs ? 8 : 4;
}

// About what a few training steps take, told by the sizes of all results; and what there is.
int64_t bytes_to_measure(const NetworkCost& cost) {
  int64_t values = 0;
  for (size_t i = 0; i < cost.layers.size(); i++) {
    const bool leaf = i + 1 == cost.layers.size() || cost.layers[i + 1].depth <= cost.layers[i].depth;
    if (leaf && cost.layers[i].calls > 0) values += cost.layers[i].output.numel();
  }
  return 2 * values * kFloat * images_to_measure(cost);
}
int64_t memory_of_machine() { return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE); }

// What the optimizer keeps is seen by letting it make a step that changes nothing.
int64_t optimizer_bytes(const Config& config, const Module& model) {
  const OptimizerPtr optimizer = build_optimizer(config.optimizer, trainable_parameters(model));
  const int64_t before = memory_stats().bytes_requested;
  optimizer->step(0);
  return memory_stats().bytes_requested - before;
}

int64_t bytes_in_memory(const DataConfig& data) {
  for (const DatasetEntry& entry : dataset_table())
    if (entry.name == data.name) return (entry.info.train_images + entry.info.test_images) * entry.info.bytes_per_image;
  return 0;
}

MemoryEstimate estimate_memory(const Config& config, const ModelInfo& info, int64_t program) {
  const MemoryProfile& memory = *info.memory;
  MemoryEstimate estimate;
  estimate.program = program;
  for (const Buffer& b : info.model->buffers()) estimate.parameters += b.tensor.numel() * kFloat;
  estimate.parameters += info.cost.model().parameters.all * kFloat;
  estimate.optimizer = optimizer_bytes(config, *info.model);
  estimate.step = memory.process(info.batch);
  const int64_t ahead = config.data.prefetch + 1, image = info.image.numel() * kFloat;
  estimate.batches = ahead * (info.batch + config.train.eval_batch_size) * image;
  estimate.images = bytes_in_memory(config.data);
  estimate.checkpoint = estimate.parameters + estimate.optimizer;
  return estimate;
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
  info.model = build_model(info.config, config.run.seed);
  const int64_t at_once = images_at_once(*info.model, info.image);
  info.inferred_at_once = std::min(info.batch, at_once);
  freeze(*info.model, config.train.freeze);
  info.cost = measure_cost(*info.model, Tensor::zeros({1, info.image[0], info.image[1], info.image[2]}));

  TrainConfig train = config.train;
  if (options.batch) train.batch_size = *options.batch, train.accumulate = 1;
  TrainingWarnings found = training_warnings(info.cost, info.config, train, data);
  info.warnings = std::move(found.warnings);
  if (!found.refusal.empty()) info.warnings.push_back("training would be refused: " + found.refusal);
  if (const auto vectors = partly_empty_vectors(info.cost)) info.warnings.push_back(*vectors);

  if (!options.memory) return info;
  const int64_t needed = bytes_to_measure(info.cost);
  if (needed > memory_of_machine() / 2) {
    info.warnings.push_back(fmt::format(
        "memory is not measured, because {} images of {}×{} would need about {} MiB and this machine has {}; a smaller "
        "--input would do",
        images_to_measure(info.cost), info.image[0], info.image[1], needed >> 20, memory_of_machine() >> 20));
    return info;
  }
  const int64_t tested_at_once = std::min(config.train.eval_batch_size, at_once);
  const MemoryProfileOptions measuring{
      .images = images_to_measure(info.cost),
      .evaluation_batch = static_cast<double>(tested_at_once) / static_cast<double>(info.batch)};
  info.memory = measure_memory(*info.model, info.image, measuring);
  info.estimate = estimate_memory(config, info, program);
  return info;
}

ModelInfo layer_info(const std::string& layer, const ModelInfoOptions& options) {
  constexpr InputSize kUsual{.channels = 0, .height = 32, .width = 32};
  const LayerSpec spec = parse_layer(layer);
  const InputSize input = options.input.value_or(kUsual);
  if (input.channels != 0 && input.channels != spec.in_channels)
    fail_usage("--input has {} channels, but {} takes {}", input.channels, layer, spec.in_channels);
  ModelInfo info;
  info.config.name = spec.kind, info.config.num_classes = 0, info.config.in_channels = spec.in_channels;
  info.image = {input.height, input.width, spec.in_channels};
  info.batch = options.batch.value_or(1);
  info.model = spec.layer;
  info.model->initialise(0);
  info.cost = measure_cost(*info.model, Tensor::zeros({1, input.height, input.width, spec.in_channels}));
  return info;
}

}  // namespace ghost
