#include "train/run/checkpoint.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "nn/finite.h"
#include "train/run/version.h"

namespace ghost {

namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kFormat = "ghost-checkpoint-1";
constexpr const char* kOptimizerPrefix = "optimizer.";

Json to_json(const MetricSums& t) {
  return {{"loss_sum", t.loss_sum}, {"top1", t.top1}, {"top5", t.top5}, {"count", t.count}};
}
MetricSums sums_from(const Json& j) {
  MetricSums t;
  t.loss_sum = j.at("loss_sum").get<double>();
  t.top1 = j.at("top1").get<int64_t>();
  t.top5 = j.at("top5").get<int64_t>();
  t.count = j.at("count").get<int64_t>();
  return t;
}

Json to_json(const Progress& p) {
  return {{"epoch", p.epoch},
          {"step", p.step},
          {"batch", p.batch},
          {"epoch_sums", to_json(p.epoch_sums)},
          {"window", to_json(p.window)},
          {"lr", p.lr},
          {"test", to_json(p.test)},
          {"best_top1", p.best_top1},
          {"best_epoch", p.best_epoch}};
}
Progress progress_from(const Json& j) {
  Progress p;
  p.epoch = j.at("epoch").get<int64_t>();
  p.step = j.at("step").get<int64_t>();
  p.batch = j.at("batch").get<int64_t>();
  p.epoch_sums = sums_from(j.at("epoch_sums"));
  p.window = sums_from(j.at("window"));
  p.lr = j.at("lr").get<double>();
  p.test = sums_from(j.at("test"));
  p.best_top1 = j.at("best_top1").get<double>();
  p.best_epoch = j.at("best_epoch").get<int64_t>();
  if (p.epoch < 0 || p.step < 0 || p.batch < 0) throw std::out_of_range("a negative position");
  return p;
}

Json to_json(const Preprocessing& p) {
  return {
      {"image_size", p.image_size}, {"resize", p.resize}, {"channels", p.channels}, {"mean", p.mean}, {"std", p.std}};
}
Preprocessing preprocessing_from(const Json& j) {
  Preprocessing p;
  p.image_size = j.at("image_size").get<int64_t>();
  p.resize = j.at("resize").get<int64_t>();
  p.channels = j.at("channels").get<int64_t>();
  p.mean = j.at("mean").get<std::vector<double>>();
  p.std = j.at("std").get<std::vector<double>>();
  if (p.image_size < 1 || p.channels < 1 || std::ssize(p.mean) != p.channels || std::ssize(p.std) != p.channels)
    throw std::out_of_range("sizes that do not fit together");
  return p;
}

std::vector<std::string> classes_from(const Json& j) { return j.get<std::vector<std::string>>(); }

// The metadata of a file that was read, entry by entry, with errors that name file and entry.
class Metadata {
 public:
  Metadata(std::string file, const std::map<std::string, std::string>& entries)
      : file_(std::move(file)), entries_(entries) {}

  const std::string& text(const std::string& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end()) fail("{}: is not a checkpoint of ghost-train: its metadata has no \"{}\"", file_, key);
    return found->second;
  }
  template <class F>
  auto json(const std::string& key, F&& from) const {
    const std::string& value = text(key);
    try {
      return from(Json::parse(value));
    } catch (const std::exception& e) {
      fail("{}: the metadata \"{}\" is malformed: {}", file_, key, e.what());
    }
  }

 private:
  std::string file_;
  const std::map<std::string, std::string>& entries_;
};

}  // namespace

Preprocessing preprocessing_of(const DataSplits& splits) {
  return {splits.image_size, splits.resize, splits.channels, splits.mean, splits.std};
}

ModelConfig model_of(const Checkpoint& checkpoint) {
  ModelConfig config = checkpoint.config.model;
  config.in_channels = checkpoint.preprocessing.channels;
  if (!checkpoint.config.model_classes_set) config.num_classes = std::ssize(checkpoint.classes);
  return config;
}

DataSplits splits_of(const Preprocessing& p) {
  return {.train = nullptr,
          .test = nullptr,
          .image_size = p.image_size,
          .channels = p.channels,
          .resize = p.resize,
          .mean = p.mean,
          .std = p.std};
}

void write_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors = checkpoint.model;
  tensors.insert(tensors.end(), checkpoint.optimizer.begin(), checkpoint.optimizer.end());
  for (const NamedTensor& t : tensors)
    if (!all_finite(t.tensor)) fail("checkpoint {} is not written: {} is not finite", file.string(), t.name);

  Config config = checkpoint.config;
  config.run.dir.clear();
  const Progress& progress = checkpoint.progress;
  std::map<std::string, std::string> metadata =
      to_metadata({config_to_yaml(config), checkpoint.classes, checkpoint.preprocessing});
  metadata.insert({{"format", kFormat},
                   {"ghost_version", version()},
                   {"epoch", std::to_string(progress.epoch)},
                   {"step", std::to_string(progress.step)},
                   {"seed", std::to_string(config.run.seed)},
                   {"lr", fmt::format("{}", progress.lr)},
                   {"schedule", config.schedule.name},
                   {"best_top1", fmt::format("{}", progress.best_top1)},
                   {"best_epoch", std::to_string(progress.best_epoch)},
                   {"progress", to_json(progress).dump()}});
  write_safetensors(file, tensors, metadata);
}

std::map<std::string, std::string> to_metadata(const NetworkMetadata& facts) {
  std::map<std::string, std::string> metadata;
  if (!facts.config.empty()) metadata["config"] = facts.config;
  if (!facts.classes.empty()) metadata["classes"] = Json(facts.classes).dump();
  if (facts.preprocessing) metadata["preprocessing"] = to_json(*facts.preprocessing).dump();
  return metadata;
}

NetworkMetadata read_network_metadata(const std::string& file, const std::map<std::string, std::string>& entries) {
  const Metadata metadata(file, entries);
  NetworkMetadata facts;
  if (entries.contains("config")) facts.config = metadata.text("config");
  if (entries.contains("classes")) facts.classes = metadata.json("classes", classes_from);
  if (entries.contains("preprocessing")) facts.preprocessing = metadata.json("preprocessing", preprocessing_from);
  return facts;
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  SafetensorsFile file = read_safetensors(path);
  const Metadata metadata(path.string(), file.metadata);
  if (const std::string& format = metadata.text("format"); format != kFormat)
    fail("{}: has format \"{}\", but this program reads \"{}\"", path.string(), format, kFormat);

  Checkpoint checkpoint;
  checkpoint.progress = metadata.json("progress", progress_from);
  checkpoint.preprocessing = metadata.json("preprocessing", preprocessing_from);
  checkpoint.classes = metadata.json("classes", classes_from);
  // What a file says is not the user's usage: an unreadable copy is a broken file.
  try {
    checkpoint.config = load_config_text(metadata.text("config"), path.string() + " (its config)", {}).config;
  } catch (const UsageError& e) {
    throw Error(e.what());
  }
  for (NamedTensor& t : file.tensors)
    (t.name.starts_with(kOptimizerPrefix) ? checkpoint.optimizer : checkpoint.model).push_back(std::move(t));
  return checkpoint;
}

}  // namespace ghost
