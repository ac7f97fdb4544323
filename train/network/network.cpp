#include "train/network/network.h"

#include <algorithm>
#include <fmt/format.h>

#include "nn/models/deployed.h"
#include "nn/state_dict.h"
#include "train/network/classes.h"
#include "train/network/preparation.h"
#include "train/network/pretrained.h"
#include "train/network/published.h"
#include "train/network/weights_choice.h"
#include "train/run/run_dir.h"

namespace ghost {
namespace {

void set_model(Config& config, const ModelConfig& model, int64_t classes, int64_t channels) {
  config.model = model;
  config.model.num_classes = classes;
  config.model.in_channels = channels;
  config.model_classes_set = config.model_channels_set = true;
  if (config.data.channels == 0) config.data.channels = channels;
  if (config.data.channels != channels)
    fail_usage("data.channels is {}, but the network takes images of {}: leave it out, and images are converted",
               config.data.channels, channels);
}

// Of a configuration that a file carries: what there was to note in it is old news, what the user has just set is not.
std::vector<std::string> of_sets(std::vector<std::string> notes) {
  std::erase_if(notes, [](const std::string& note) { return note.find("--set ") == std::string::npos; });
  return notes;
}

void take_metadata(Network& network, NetworkMetadata metadata) {
  network.classes = std::move(metadata.classes);
  network.preprocessing = std::move(metadata.preprocessing);
  network.data = std::move(metadata.data);
  if (network.preprocessing) follow_preprocessing(network);
}

Network of_checkpoint(const NetworkSource& source) {
  for (const std::string& set : source.overrides)
    if (set.starts_with("model.")) fail_usage("--set {}: the model is the checkpoint's and cannot be changed", set);
  const std::filesystem::path file = checkpoint_file(source.checkpoint);
  const Checkpoint checkpoint = read_checkpoint(file);
  LoadedConfig loaded =
      load_config_text(config_to_yaml(checkpoint.config), "the checkpoint's config", source.overrides);
  Network network;
  network.file = file.string();
  network.config = std::move(loaded.config);
  network.notes = of_sets(std::move(loaded.notes));
  network.progress = checkpoint.progress;
  network.run = checkpoint.config;
  take_metadata(network, {{}, checkpoint.classes, checkpoint.preprocessing, checkpoint.data});
  // Another data set has put model.num_classes out of use, but the model is what it was.
  const ModelConfig model = model_of(checkpoint);
  set_model(network.config, model, model.num_classes, model.in_channels);
  network.model = build_model(network.config.model, checkpoint.config.run.seed);
  const WeightsChoice choice = choose_weights(checkpoint, source.weights_of, network.file);
  network.weights_of = choice.name;
  if (!choice.note.empty()) network.notes.push_back(choice.note);
  load_state_dict(*network.model, *choice.entries);
  return network;
}

Network of_weights(const NetworkSource& source) {
  WeightsFile file = read_weights(source.weights);
  NetworkMetadata metadata = read_network_metadata(file.name, file.metadata);
  const bool carried = source.config.empty() && source.arch.empty();
  if (carried && metadata.config.empty())
    fail_usage(
        "--weights {}: the file does not say what network it is of; name its configuration with --config, or the model "
        "of timm or torchvision with --arch",
        source.weights);
  LoadedConfig loaded = carried ? load_config_text(metadata.config, file.name + " (its config)", source.overrides)
                        : source.arch.empty() ? load_config(source.config, source.overrides)
                                              : published_config(source.arch, source.overrides);
  Network network;
  network.file = file.name;
  const WeightsChoice choice = choose_weights(file, source.weights_of);
  network.weights_of = choice.name;
  network.config = std::move(loaded.config);
  network.notes = carried ? of_sets(std::move(loaded.notes)) : std::move(loaded.notes);
  if (!choice.note.empty()) network.notes.push_back(choice.note);
  take_metadata(network, std::move(metadata));

  Config& config = network.config;
  config.pretrained = {};
  const WeightsOptions options{.prefix = source.prefix, .strict = source.strict, .how_to_be_lenient = "--no-strict"};
  const NetworkSizes sizes = sizes_in(file, config.model, options);
  const int64_t classes = config.model_classes_set ? config.model.num_classes : sizes.num_classes;
  const int64_t channels = config.model_channels_set ? config.model.in_channels : sizes.in_channels;
  set_model(config, config.model, classes, channels);
  if (std::ssize(network.classes) > classes) {
    network.warnings.push_back(
        message_of("{}: names {} classes, but the network has {} outputs: the names are not used", network.file,
                   network.classes.size(), classes));
    network.classes.clear();
  }
  network.model = build_model(config.model, config.run.seed);
  WeightsReport report = load_weights(*network.model, file, options);
  network.notes.insert(network.notes.end(), report.notes.begin(), report.notes.end());
  network.warnings.insert(network.warnings.end(), report.warnings.begin(), report.warnings.end());
  return network;
}

}  // namespace

Network load_network(const NetworkSource& source) {
  Network network = source.checkpoint.empty() ? of_weights(source) : of_checkpoint(source);
  if (source.deploy) {
    network.model = deployed_network(*network.model, network.config.model);
    network.config.model.deployed = true;
  }
  if (!source.classes.empty()) name_classes(network, source.classes);
  return network;
}

NetworkMetadata metadata_of(const Network& network) {
  Config config = network.config;
  config.data.root.clear();
  config.run.dir.clear();
  config.pretrained = {};
  return {config_to_yaml(config), network.classes, network.preprocessing, network.data, network.weights_of};
}

}  // namespace ghost
