#include "train/network/export.h"

#include <fmt/format.h>
#include <sstream>

#include "data/file.h"
#include "data/image_folder.h"
#include "nn/state_dict.h"
#include "train/run/version.h"

namespace ghost {
namespace {

// What the data section says without the data's files; empty: not enough.
std::optional<Preprocessing> configured_preprocessing(const DataConfig& data) {
  Preprocessing p{data.image_size, data.resize, data.channels, data.mean, data.std};
  if (data.name == "image_folder") {
    const DataDefaults usual = image_folder_defaults(data);
    if (p.image_size == 0) p.image_size = usual.image_size;
    if (p.resize == 0) p.resize = usual.resize;
    if (p.mean.empty() && p.channels == std::ssize(usual.mean)) p.mean = usual.mean, p.std = usual.std;
  }
  if (p.image_size == 0 || p.mean.empty()) return {};
  if (p.resize == 0) p.resize = p.image_size;
  return p;
}

}  // namespace

void complete_metadata(Network& network) {
  const Config& config = network.config;
  if (!network.preprocessing && !network.classes.empty()) network.preprocessing = configured_preprocessing(config.data);
  if (network.classes.empty() || !network.preprocessing) {
    DataSplits data;
    try {
      data = open_data(config.data, config.run.seed);
    } catch (const Error& e) {
      fail("{}: does not tell {}, and the data set cannot be asked ({}); {}", network.file,
           network.classes.empty() ? "the names of its classes" : "how images are prepared for it", e.what(),
           network.classes.empty() ? "--classes FILE names them, one a line"
                                   : "set data.image_size, data.mean and data.std");
    }
    if (network.classes.empty()) network.classes = data.train->class_names();
    if (!network.preprocessing) network.preprocessing = preprocessing_of(data);
  }
  if (std::ssize(network.classes) != config.model.num_classes)
    fail("{}: the network has {} outputs, but {} classes are named ({}, …)", network.file, config.model.num_classes,
         network.classes.size(), network.classes.front());
}

std::vector<std::string> read_class_names(const std::filesystem::path& file) {
  constexpr int64_t kMostBytes = 1 << 24;
  const std::vector<uint8_t> bytes = read_file(file, kMostBytes);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty()) fail("{}: names no class; one a line was expected", file.string());
  return names;
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
  const Config config = load_config_text(metadata_of(network).config, network.file + " (its config)", {}).config;
  write_checkpoint(file, {.tensors = {{kModelSection, state_dict(*network.model)}},
                          .config = config,
                          .progress = {},
                          .classes = network.classes,
                          .preprocessing = *network.preprocessing});
}

}  // namespace ghost
