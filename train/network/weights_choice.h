// A checkpoint may hold several sets of the network's weights: the trained ones, called "raw", and those that hooks
// keep, such as "ema".
#pragma once
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "train/network/pretrained.h"
#include "train/run/checkpoint.h"

namespace ghost {

struct WeightsChoice {
  std::string name;                                   // "raw", or the name of a hook
  const std::vector<NamedTensor>* entries = nullptr;  // of a checkpoint; with the names of the model
  std::string note;                                   // which were taken, if there are others; else empty
};

// `wanted`: "raw", the name of a hook, or "auto" for those that train.best names. Throws UsageError naming `file` and
// the sets that it holds if the wanted one is not among them. What is returned points into the checkpoint.
WeightsChoice choose_weights(const Checkpoint& checkpoint, const std::string& wanted, const std::string& file);

// The same of a file as it was read: its entries become those of the chosen weights, under the names of the model, and
// what is left of other sections. A file that is no checkpoint has raw weights alone.
WeightsChoice choose_weights(WeightsFile& file, const std::string& wanted);

}  // namespace ghost
