// Checks before the first step: whether data, model and batch size fit together, and what is doubtful about them.
#pragma once
#include <string>
#include <vector>

#include "data/loader.h"
#include "nn/cost.h"
#include "train/config/config.h"

namespace ghost {

// What a model has to know of the data it is for.
struct DataInfo {
  int64_t classes = 0;
  int64_t channels = 0, image_size = 0;  // of the network's input
  int64_t train_images = 0;              // 0: not known
};
DataInfo data_info(const DataSplits& data);
// Without opening any file: what the configuration says, and for the rest what is known of the data set. A number that
// neither tells is 0.
DataInfo data_info_without_files(const Config& config);
// The same, but throws UsageError naming the option to set where classes, channels or size are not known.
DataInfo known_data_info(const Config& config);

// The configuration of data and model, completed by each other. The model's outputs and input channels are those of the
// data unless they are set. Where only the model's channels are set, images are converted to them (grey ↔ RGB).
DataConfig data_config(const Config& config);
// Throws UsageError if what is set cannot work with the data: fewer outputs than classes, other channels.
ModelConfig model_config(const Config& config, const DataInfo& data);
ModelConfig model_config(const Config& config, const DataSplits& data);

// Samples in each micro-batch. Throws UsageError if an option is not as described or accumulate does not divide
// batch_size, naming the nearest valid values.
int64_t micro_batch_size(const TrainConfig& train);

// Throws UsageError for whatever training would refuse for the configuration's own sake, whatever files it is given:
// layers that do not fit together, outputs or channels that do not fit the data set, train.freeze without a match.
void check_config(const Config& config);

// What is doubtful about training this model on this data: convolutions that see 1×1 maps, a last micro-batch of one
// image, outputs without a class. Each warning is a sentence.
struct TrainingWarnings {
  std::vector<std::string> warnings;
  // Why training would stop; empty: it would not. A last micro-batch of one image is refused where a batch norm sees
  // 1×1 maps.
  std::string refusal;
};
TrainingWarnings training_warnings(const NetworkCost& cost, const ModelConfig& built, const TrainConfig& train,
                                   const DataInfo& data);

// Sends the batch through the model, in evaluation mode and without gradients, and returns the warnings. Throws Error
// if the model does not give (N, num_classes) finite numbers, UsageError if there is a refusal.
std::vector<std::string> preflight(Module& model, const Batch& batch, const TrainConfig& train,
                                   const ModelConfig& built, const DataSplits& data);

}  // namespace ghost
