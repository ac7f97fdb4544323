#include "train/loop/memory_estimate.h"

#include <algorithm>
#include <fmt/core.h>

#include "core/memory.h"
#include "core/shapes_only.h"
#include "nn/freeze.h"
#include "nn/infer.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

constexpr int64_t kFloat = sizeof(float);

// Numbers that the layers without children make of one image.
int64_t results(const NetworkCost& cost, bool (*counts)(const LayerCost&)) {
  int64_t values = 0;
  for (size_t i = 0; i < cost.layers.size(); i++) {
    const LayerCost& layer = cost.layers[i];
    const bool leaf = i + 1 == cost.layers.size() || cost.layers[i + 1].depth <= layer.depth;
    if (leaf && layer.calls > 0 && counts(layer))
      values += layer.output.numel() / std::max<int64_t>(1, layer.output[0]);
  }
  return values;
}
int64_t all_results(const NetworkCost& cost) {
  return results(cost, [](const LayerCost&) { return true; });
}
// What backward cannot do without.
int64_t kept_results(const NetworkCost& cost) {
  return results(cost, [](const LayerCost& layer) { return layer.macs > 0; });
}

// What the optimizer keeps is seen by letting it make a step that changes nothing.
int64_t optimizer_bytes(const Config& config, const Module& model) {
  const OptimizerPtr optimizer = build_optimizer(config.optimizer, trainable_parameters(model));
  const int64_t before = memory_stats().bytes_requested;
  optimizer->step(0);
  return memory_stats().bytes_requested - before;
}

int64_t bytes_in_memory(const DataConfig& data) {
  const DatasetEntry* const entry = find_dataset(data.name);
  return entry ? (entry->info.train_images + entry->info.test_images) * entry->info.bytes_per_image : 0;
}

int64_t value_bytes(const Module& model) {
  int64_t numbers = 0;
  for (const Parameter& p : model.parameters()) numbers += p.tensor.numel();
  for (const Buffer& b : model.buffers()) numbers += b.tensor.numel();
  return numbers * kFloat;
}

// Sets of values that hooks keep beside the model's.
int64_t kept_sets(const TrainConfig& train) { return std::ssize(weights_of_hooks(train.hooks)); }

int64_t batch_bytes(const Config& config, const Shape& image, int64_t batch) {
  return (config.data.prefetch + 1) * (batch + config.train.eval_batch_size) * image.numel() * kFloat;
}

std::string mebibytes(int64_t bytes) { return fmt::format("{} MiB", (bytes + (1 << 20) - 1) >> 20); }

}  // namespace

int64_t images_to_measure(const NetworkCost& cost) {
  constexpr int64_t kMacs = int64_t{4} << 30;
  return cost.model().macs * 8 <= kMacs ? 8 : 4;
}

int64_t bytes_to_measure(const NetworkCost& cost) {
  return 2 * kFloat * (all_results(cost) * images_to_measure(cost) + cost.model().parameters.all);
}

MemoryProfile measure_memory(const EstimatedModel& of, const Config& config, int64_t batch) {
  const int64_t tested_at_once = std::min(config.train.eval_batch_size, images_at_once(of.model, of.image));
  return measure_memory(of.model, of.image,
                        {.images = images_to_measure(of.cost),
                         .evaluation_batch = static_cast<double>(tested_at_once) / static_cast<double>(batch)});
}

MemoryEstimate estimate_memory(const EstimatedModel& of, const MemoryProfile& profile, const Config& config,
                               int64_t batch, int64_t program) {
  MemoryEstimate estimate;
  estimate.program = program;
  estimate.parameters = value_bytes(of.model);
  estimate.optimizer = optimizer_bytes(config, of.model);
  estimate.step = profile.process(batch);
  estimate.batches = batch_bytes(config, of.image, batch);
  estimate.images = bytes_in_memory(config.data);
  estimate.averages = kept_sets(config.train) * estimate.parameters;
  estimate.checkpoint = estimate.parameters + estimate.optimizer + estimate.averages;
  return estimate;
}

MemoryVerdict compare_memory(const std::function<int64_t(int64_t accumulate)>& needed, const TrainConfig& train,
                             const MemoryLimit& limit) {
  constexpr double kClose = 0.9, kFarTooLittle = 2;
  const auto share = [&](int64_t accumulate) {
    return static_cast<double>(needed(accumulate)) / static_cast<double>(std::max<int64_t>(limit.available, 1));
  };
  const double here = share(train.accumulate);
  if (here <= kClose) return {};
  std::string advice = "a smaller network or data.image_size would need less";
  for (int64_t accumulate = train.accumulate + 1; accumulate <= train.batch_size; ++accumulate) {
    if (train.batch_size % accumulate != 0 || share(accumulate) > kClose) continue;
    advice = fmt::format("train.accumulate {}, which trains the batch of {} in parts of {}, would need about {}",
                         accumulate, train.batch_size, train.batch_size / accumulate, mebibytes(needed(accumulate)));
    break;
  }
  const std::string text =
      fmt::format("training needs about {} of memory, and {} are available ({}); {}",
                  mebibytes(needed(train.accumulate)), mebibytes(limit.available), limit.reason, advice);
  return here > kFarTooLittle ? MemoryVerdict{.warning = "", .refusal = text}
                              : MemoryVerdict{.warning = text, .refusal = ""};
}

MemoryVerdict check_memory(Module& model, const Shape& image, const Config& config, const MemoryLimit& limit) {
  NetworkCost cost;
  {
    const ShapesOnly shapes;
    cost = measure_cost(model, Tensor::zeros({1, image[0], image[1], image[2]}));
  }
  const TrainConfig& train = config.train;
  const int64_t values = value_bytes(model);
  // Gradients, and the copy of values and optimizer state that a checkpoint is written from.
  const auto beside_activations = [&](int64_t accumulate) {
    return (4 + kept_sets(train)) * values + batch_bytes(config, image, train.batch_size / accumulate);
  };
  const auto activations = [&](int64_t numbers, int64_t accumulate) {
    return numbers * kFloat * (train.batch_size / accumulate);
  };
  const auto at_most = [&](int64_t accumulate) {
    return beside_activations(accumulate) + 2 * activations(all_results(cost), accumulate);
  };
  const auto at_least = [&](int64_t accumulate) { return values + activations(kept_results(cost), accumulate); };
  if (at_most(train.accumulate) < limit.available / 2) return {};
  if (MemoryVerdict verdict = compare_memory(at_least, train, limit); !verdict.refusal.empty()) return verdict;
  if (bytes_to_measure(cost) > limit.available / 2) return compare_memory(at_least, train, limit);

  const EstimatedModel of{model, cost, image};
  const MemoryProfile profile = measure_memory(of, config, train.batch_size / train.accumulate);
  for (Parameter& p : model.parameters()) p.tensor.clear_grad();
  return compare_memory(
      [&](int64_t accumulate) {
        const int64_t micro = train.batch_size / accumulate;
        const int64_t checkpoint = (3 + kept_sets(train)) * values;
        return std::max(profile.steps.at(micro), profile.evaluation.at(micro)) + batch_bytes(config, image, micro) +
               checkpoint;
      },
      train, limit);
}

}  // namespace ghost
