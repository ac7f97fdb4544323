// A trained network as programs take it up: its values, its configuration, and what is known of its classes and images.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "nn/module.h"
#include "train/run/checkpoint.h"

namespace ghost {

struct NetworkSource {
  std::string checkpoint = {};  // a checkpoint or a run directory; if empty:
  std::string weights = {},
              config = {};  // a file of weights, and its configuration; no config: the one that the file carries
  std::vector<std::string> overrides = {};  // key=value, applied to the configuration
  std::string prefix = {};                  // of weights, see WeightsOptions
  bool strict = true;
};

struct Network {
  std::string file;  // that the values came from
  ModulePtr model;
  // model.num_classes and model.in_channels are those of `model`, and set. What data.* leaves open (sizes, channels,
  // normalisation) follows `preprocessing`: images are prepared for testing as they were for training.
  Config config;
  std::vector<std::string> classes;            // in the order of the outputs; empty: not known
  std::optional<Preprocessing> preprocessing;  // where it is known
  std::optional<Progress> progress;            // of a checkpoint
  std::vector<std::string> notes, warnings;    // sentences for the user
};

// The network of a checkpoint, or of weights and a configuration; there, a num_classes or in_channels that is `auto` is
// the file's. Throws UsageError if the overrides would change the model of a checkpoint, if weights come without any
// configuration, or if data.channels is not what the network takes; Error if the values do not fit.
Network load_network(const NetworkSource& source);

// What its file should say of it besides the values. Left out of the configuration is what belongs to one machine or
// one run: data.root, run.dir, model.pretrained.
NetworkMetadata metadata_of(const Network& network);

// The output of the network for each label of a data set, by name: the data's classes may be some of the network's, in
// any order. Empty if they are the same. Throws Error naming the classes of the data that the network does not know; if
// the network's names are not known, unless there are as many.
std::vector<int64_t> outputs_of_labels(const Network& network, const std::string& data_name,
                                       const std::vector<std::string>& data_classes);

}  // namespace ghost
