// What can be known before the first step is said before the first step.
#pragma once
#include <string>
#include <vector>

#include "data/loader.h"
#include "nn/module.h"
#include "train/config/config.h"

namespace ghost {

// The model's outputs and input channels follow the data unless they are set. Where only the model's channels are set,
// the images follow them (grey ↔ RGB).
DataConfig data_config(const Config& config);
// Throws UsageError if what is set cannot work with the data: fewer outputs than classes, other channels.
ModelConfig model_config(const Config& config, const DataSplits& data);

// Samples in each micro-batch. Throws UsageError, naming the nearest valid values, unless accumulate divides
// batch_size.
int64_t micro_batch_size(const TrainConfig& train);

// Sends the batch through the model, in evaluation mode and without gradients, and returns what is doubtful, a sentence
// each: convolutions that see 1×1 maps, a last micro-batch of one image, outputs without a class. Throws Error if the
// model does not give (N, num_classes) finite numbers, UsageError if training would stop at a last micro-batch of one
// image because a batch norm sees 1×1 maps.
std::vector<std::string> preflight(Module& model, const Batch& batch, const TrainConfig& train,
                                   const ModelConfig& built, const DataSplits& data);

}  // namespace ghost
