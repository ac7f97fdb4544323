// The options under `model:` that say which values a model starts from.
#pragma once
#include <string>

#include "core/options.h"

namespace ghost {

// A run that starts takes the values of its model from a file (train/network/pretrained.h); a run that is continued
// does not.
struct PretrainedConfig {
  // model.pretrained: safetensors, a checkpoint or a run directory; empty: values start as model.init says.
  std::string file;
  // model.pretrained_strict: every entry must fit; only the classifier may have another number of classes.
  bool strict = true;
  // model.pretrained_prefix: take only the entries below this name, "backbone"; empty: all.
  std::string prefix;
};
void describe(PretrainedConfig& config, Description& description);  // its options have full paths

}  // namespace ghost
