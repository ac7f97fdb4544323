// Batches, prepared ahead of the step by worker threads. The order of samples is a function of (seed, epoch),
// augmentation of (seed, epoch, sample or batch): the number of workers and resuming cannot change results.
#pragma once
#include <functional>
#include <optional>

#include "core/tensor.h"
#include "data/registry.h"

namespace ghost {

struct Batch {
  Tensor images;  // (N, H, W, C) f32, normalised
  Tensor labels;  // (N) i64
  // (N, K) f32, probabilities of the classes, where an augmentation has mixed images; else undefined. Images are then
  // mixtures of two, and `labels` those of their own part.
  Tensor targets = {};
  std::vector<int64_t> indices;  // of the samples in the data set
  int64_t number = 0;            // in the epoch, from 0; resuming after it starts at number + 1
};

struct LoaderConfig {
  int64_t batch_size = 128;
  bool training = false;  // shuffle and augment; else in order, resize + centre crop
  uint64_t seed = 0;
  int64_t workers = 1;   // threads; 0: the consuming thread loads
  int64_t prefetch = 4;  // batches ahead, at least 1
  double max_unreadable = 0.01;
  OverEpochs image_sizes = {};  // of images for training, by epochs; empty: those of the splits
};
void describe(LoaderConfig& config, Description& description);

class Loader {
 public:
  using Warn = std::function<void(const std::string&)>;  // called from the consuming thread, once per unreadable image
  // Throws UsageError for an option that is not as described, or if images of a single class are to be mixed. `warn`
  // may be empty.
  Loader(DatasetPtr dataset, const DataSplits& splits, const AugmentConfig& augment, const LoaderConfig& config,
         Warn warn = {});
  ~Loader();

  // Per epoch. The last batch may be short. A sample whose image is unreadable is left out of its batch, and a batch
  // without any is left out, so next() may give fewer and shorter ones.
  int64_t batches() const;
  // Starts epoch `epoch` (0, 1, …) at batch `first_batch` (for resuming inside an epoch). Stops one that is under way.
  void start(int64_t epoch, int64_t first_batch = 0);
  // Empty at the end. Throws Error if more than max_unreadable of the data set's images have failed since the loader
  // was made, and whatever else reading threw.
  std::optional<Batch> next();
  double seconds_waited() const;  // in next(), since start()

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ghost
