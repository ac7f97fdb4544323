// Weights from a file into a model, whoever wrote the file: PyTorch, timm, torchvision, or this program.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "nn/models/registry.h"

namespace ghost {

struct WeightsFile {
  std::string name;  // for messages
  std::vector<NamedTensor> entries;
  std::map<std::string, std::string> metadata;
  std::vector<UnreadTensor> unread = {};  // entries of types that cannot be read
};
// A safetensors file or a checkpoint; a run directory stands for its best checkpoint. Throws Error naming the file and
// what is wrong with it; of a file that is something else by its content, what it is (a file of torch.save: how to
// convert it).
WeightsFile read_weights(const std::filesystem::path& file);

struct WeightsOptions {
  // Only entries whose names begin with it are taken, and lose it: "backbone" or "backbone." of
  // backbone.conv_stem.weight. Empty: all entries are taken.
  std::string prefix = {};
  // false: what fits is loaded, the rest is listed. true: anything missing, unexpected or of another shape is an error.
  bool strict = true;
  // The classifier (nn/classifier.h) becomes one for the model's classes, strict or not, if nothing but their number
  // differs: by name, by position, or with initial values (classifier_rows.h). false: another number of classes is a
  // mismatch like any other, and nothing is asked about their names.
  bool new_classifier = false;
  std::vector<std::string> classes = {};  // those of the model, in the order of its outputs; empty: not known
  std::string how_to_be_lenient = {};     // what an error of strict loading advises: "model.pretrained_strict: false"
};

// Sentences for the user, each naming the file; lists have one entry a line.
struct WeightsReport {
  std::vector<std::string> notes;     // what was loaded, what was passed over by rule
  std::vector<std::string> warnings;  // what does not fit (not strict), a classifier that starts anew
  std::string new_in_classifier;      // "fc starts", "the row of 'bus' in fc starts": what is not the file's; or empty
  std::vector<std::string> initial;   // names of all other entries that keep their initial values
};

// Copies the entries' values into the model. From names are taken off, as often as they occur at the front:
//   options.prefix                 first
//   module., _orig_mod.            where an entry has them (DataParallel, torch.compile)
//   model., state_dict.            where all entries share them
// unless the model itself has a module of that name. Passed over: total_ops and total_params of profilers and
// n_averaged of averaged weights, wherever they are; what checkpoints hold for resumed runs alone (run/sections.h);
// integers, and entries that cannot be read, under names that the model does not have. num_batches_tracked may be
// missing. Everything else must match by name and shape. Throws Error that lists what does not, having changed nothing;
// also if a value is NaN or infinite, if no entry lies below the prefix, (not strict) if nothing fits, and, strict or
// not, if the file has the axes of its convolutions in another order.
WeightsReport load_weights(Module& model, const WeightsFile& file, const WeightsOptions& options = {});

// Whether train.freeze keeps values that are not the file's, but random. Throws UsageError if they are the classifier's
// weights: such a network cannot learn its classes. Of others a warning, or nothing.
std::string frozen_at_random(Module& model, const WeightsReport& report);

// num_classes and in_channels of the model that the values in the file belong to. Its classifier and its first
// convolution tell them; where the file has none, they are those of `config`.
struct NetworkSizes {
  int64_t num_classes = 0, in_channels = 0;
};
NetworkSizes sizes_in(const WeightsFile& file, const ModelConfig& config, const WeightsOptions& options = {});

}  // namespace ghost
