// A trained network as programs take it up: its values, its configuration, and what is known of its classes and images.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "nn/module.h"
#include "train/run/checkpoint.h"

namespace ghost {

struct NetworkSource {
  std::string checkpoint = {};              // a checkpoint or a run directory; empty: `weights` is the source
  std::string weights = {};                 // a file of weights
  std::string config = {};                  // the configuration of the weights; empty: the one that the file carries
  std::string arch = {};                    // or a published model in its place (published.h), "torchvision/resnet18"
  std::vector<std::string> overrides = {};  // key=value, applied to the configuration
  std::string prefix = {};                  // of the weights' names (WeightsOptions)
  bool strict = true;
  std::string weights_of = "auto";  // which of the sets of weights that a checkpoint holds (weights_choice.h)
  bool deploy = false;              // merge parallel branches (nn/models/deployed.h)
  std::string classes = {};  // a file that names the outputs' classes (classes.h); empty: as the network knows them
};

struct Network {
  std::string file;        // the values came from it
  std::string weights_of;  // which of its sets of weights they are: "raw", the network's own, or the name of a hook
  ModulePtr model;
  // model.num_classes and model.in_channels are set, to those of `model`. Where data.* leaves image_size, channels or
  // normalisation open, they are those of `preprocessing`.
  Config config;
  std::vector<std::string> classes;  // names, in the order of the outputs; empty: not known
  // As the file says, but in the sizes that the configuration sets (preparation.h). Empty: the file does not say.
  std::optional<Preprocessing> preprocessing;
  std::optional<DataFingerprint> data;       // of the images it was trained and tested on; empty: not known
  std::optional<Progress> progress;          // where the run of a checkpoint stood
  std::optional<Config> run;                 // the configuration of a checkpoint's run, without overrides
  std::vector<std::string> notes, warnings;  // sentences for the user
};

// Builds the network of a checkpoint, or of weights and a configuration, and loads its values. A num_classes or
// in_channels that is `auto` in the configuration of weights is taken from the file. Throws UsageError if the overrides
// would change the model of a checkpoint, if there are no branches to merge, if weights come without any configuration,
// or if data.channels, data.mean or data.std are not those of the network; Error if the values do not fit, or if
// `classes` does not name as many classes as there are outputs.
Network load_network(const NetworkSource& source);

// What a file of the network says of it besides the values. The configuration is without data.root, run.dir and
// model.pretrained, which belong to one machine or one run.
NetworkMetadata metadata_of(const Network& network);

}  // namespace ghost
