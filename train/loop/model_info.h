// Everything that can be told of a configuration's model before it is trained, without data.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "nn/cost.h"
#include "nn/memory_profile.h"
#include "train/config/config.h"
#include "train/loop/memory_estimate.h"
#include "train/loop/preflight.h"

namespace ghost {

// Channels, height and width of the network's input as a command line gives them: "3x224x224", "224x224" or "224".
struct InputSize {
  int64_t channels = 0;  // 0: not given
  int64_t height = 0, width = 0;
};
// Throws UsageError saying what is wrong with the text. Sides are 1 to 4096 pixels.
InputSize parse_input_size(const std::string& text);

struct ModelInfoOptions {
  std::optional<InputSize> input = {};  // empty: the data set's
  std::optional<int64_t> batch = {};    // images at a time; empty: train.batch_size / train.accumulate
  bool memory = true;                   // whether to measure memory
};

struct ModelInfo {
  ModelConfig config;            // with outputs and channels resolved
  std::string data;              // name of the data set
  Shape image;                   // (H, W, C)
  int64_t batch = 0;             // images at a time, for memory
  int64_t inferred_at_once = 0;  // of the batch, in inference (nn/infer.h)
  ModulePtr model;
  NetworkCost cost;                     // of one image
  std::optional<MemoryProfile> memory;  // empty: not wanted, or this machine has too little to measure it (a warning)
  MemoryEstimate estimate;              // all 0 without `memory`
  std::vector<std::string> warnings;
};

// Builds the model, profiles it with one image and measures its memory with a few. Sets the arithmetic (arithmetic.h).
// Throws UsageError where the input does not fit the configuration, and Error as the model does on images that are too
// small for it.
ModelInfo model_info(const Config& config, const ModelInfoOptions& options = {});

// The same for a single layer, as parse_layer() in nn/layers/layer_spec.h reads it, on images of options.input (32×32
// without one). Memory is not measured. Throws UsageError as parse_layer, and where the input has other channels than
// it takes.
ModelInfo layer_info(const std::string& layer, const ModelInfoOptions& options = {});

}  // namespace ghost
