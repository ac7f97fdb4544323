#include "train/network/export.h"

#include <fmt/format.h>

#include "core/quoted.h"
#include "nn/state_dict.h"
#include "train/network/classes.h"
#include "train/network/preparation.h"
#include "train/run/version.h"

namespace ghost {
namespace {

// Names from the data set that the configuration names. Empty: it has another number of classes.
std::vector<std::string> classes_of_data(Network& network, const DataSplits& data) {
  const std::vector<std::string>& names = data.class_names();
  const int64_t outputs = network.config.model.num_classes;
  if (std::ssize(names) != outputs) return {};
  network.notes.push_back(message_of("{}: does not name its classes, so they are those of {} by position: {}",
                                     network.file, network.config.data.name, classes_by_position(names)));
  if (const std::string warning = other_order_warning(network.file, names); !warning.empty())
    network.warnings.push_back(warning + "; --classes FILE with the names in the order of the outputs settles it");
  return names;
}

}  // namespace

void complete_metadata(Network& network, Completeness needed) {
  const Config& config = network.config;
  const int64_t outputs = config.model.num_classes;
  const bool must_name = needed == Completeness::everything;
  if (network.classes.empty()) {
    std::optional<DataSplits> data;
    std::string why;
    try {
      data = open_data_for(network, DataUse::testing_all);
    } catch (const UsageError&) {
      throw;
    } catch (const Error& e) {
      why = e.what();
    }
    if (!data && must_name)
      fail(
          "{}: does not tell the names of its classes, and the data set cannot be asked ({}); --classes FILE names "
          "them, one a line",
          network.file, why);
    if (data && !network.preprocessing) network.preprocessing = preprocessing_of(*data);
    if (data && must_name && std::ssize(data->class_names()) != outputs)
      fail(
          "{}: the network has {} outputs, but {} has {} classes; --classes FILE names those of the outputs, one a "
          "line",
          network.file, outputs, config.data.name, data->class_names().size());
    if (data) network.classes = classes_of_data(network, *data);
    if (network.classes.empty())
      network.notes.push_back(
          message_of("{}: does not name its classes, which are called by their outputs, {} to {}; "
                     "--classes FILE names them, one a line",
                     network.file, name_of_class({}, 0), name_of_class({}, outputs - 1)));
  }
  complete_preprocessing(network);
  if (std::ssize(network.classes) > outputs || (must_name && std::ssize(network.classes) != outputs))
    fail("{}: the network has {} outputs, but {} classes are named ({}, …)", network.file, outputs,
         network.classes.size(), ghost::quoted(network.classes.front()));
}

void export_weights(const std::filesystem::path& file, const Network& network) {
  std::map<std::string, std::string> metadata = to_metadata(metadata_of(network));
  metadata["format"] = "pt";
  metadata["ghost_version"] = version();
  write_safetensors(file, state_dict(*network.model), metadata);
}

void export_checkpoint(const std::filesystem::path& file, const Network& network) {
  if (network.classes.empty() || !network.preprocessing)
    fail("{}: a checkpoint needs the names of the classes and the preprocessing, which are not known", network.file);
  Config config = load_config_text(metadata_of(network).config, network.file + " (its config)", {}).config;
  config.train.hooks = {};  // the file has one set of weights, its own
  config.train.best = "auto";
  write_checkpoint(file, {.tensors = {{kModelSection, state_dict(*network.model)}},
                          .config = config,
                          .progress = {},
                          .classes = network.classes,
                          .preprocessing = *network.preprocessing,
                          .data = network.data});
}

}  // namespace ghost
