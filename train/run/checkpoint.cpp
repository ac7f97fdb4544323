#include "train/run/checkpoint.h"

#include "nn/finite.h"
#include "train/run/json_fields.h"
#include "train/run/preprocessing_json.h"
#include "train/run/version.h"

namespace ghost {

namespace {

constexpr const char* kFormat = "ghost-checkpoint-1";

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
  template <class T>
  T json(const std::string& key) const {
    const std::string& stored = text(key);
    try {
      T value;
      read_json(Json::parse(stored), "", value);
      return value;
    } catch (const std::exception& e) {
      fail("{}: the metadata \"{}\" is malformed: {}", file_, key, e.what());
    }
  }

 private:
  std::string file_;
  const std::map<std::string, std::string>& entries_;
};

CheckpointHead head_of(const std::string& file, const std::map<std::string, std::string>& entries) {
  const Metadata metadata(file, entries);
  if (const std::string& format = metadata.text("format"); format != kFormat)
    fail("{}: has format \"{}\", but this program reads \"{}\"", file, format, kFormat);
  CheckpointHead head;
  head.progress = metadata.json<Progress>("progress");
  head.preprocessing = metadata.json<Preprocessing>("preprocessing");
  head.classes = metadata.json<std::vector<std::string>>("classes");
  // Older programs did not write these.
  if (entries.contains("data")) head.data = metadata.json<DataFingerprint>("data");
  if (entries.contains("made_with")) head.made_with = metadata.json<MadeWith>("made_with");
  return head;
}

// All tensors under the names that they have in a file.
std::vector<NamedTensor> entries_of(const Checkpoint& checkpoint, const std::string& file) {
  const std::vector<TensorSection> sections = tensor_sections();
  std::vector<NamedTensor> entries;
  size_t written = 0;
  for (const TensorSection& section : sections) {
    const auto found = checkpoint.tensors.find(section.name);
    if (found == checkpoint.tensors.end()) continue;
    ++written;
    for (const NamedTensor& t : found->second) {
      entries.push_back({section.prefix + t.name, t.tensor});
      const std::string& name = entries.back().name;
      if (const TensorSection& read_as = section_of(sections, name); read_as.name != section.name)
        fail("checkpoint {} is not written: {} belongs to section '{}', but would be read as one of section '{}'", file,
             name, section.name, read_as.name);
      if (!all_finite(t.tensor)) fail("checkpoint {} is not written: {} is not finite", file, name);
    }
  }
  if (written != checkpoint.tensors.size())
    fail("checkpoint {} is not written: it has a section that is not in the table of sections", file);
  return entries;
}

}  // namespace

ModelConfig model_of(const Checkpoint& checkpoint) {
  ModelConfig config = checkpoint.config.model;
  config.in_channels = checkpoint.preprocessing.channels;
  if (!checkpoint.config.model_classes_set) config.num_classes = std::ssize(checkpoint.classes);
  return config;
}

void write_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint) {
  const std::vector<NamedTensor> entries = entries_of(checkpoint, file.string());
  Config config = checkpoint.config;
  config.run.dir.clear();
  const Progress& progress = checkpoint.progress;
  std::map<std::string, std::string> metadata =
      to_metadata({config_to_yaml(config), checkpoint.classes, checkpoint.preprocessing, checkpoint.data});
  metadata.insert({{"format", kFormat},
                   {"ghost_version", version()},
                   {"epoch", std::to_string(progress.epoch)},
                   {"step", std::to_string(progress.step)},
                   {"seed", std::to_string(config.run.seed)},
                   {"lr", fmt::format("{}", progress.lr)},
                   {"schedule", config.schedule.name},
                   {"best_top1", fmt::format("{}", progress.best_top1)},
                   {"best_epoch", std::to_string(progress.best_epoch)},
                   {"made_with", Json(made_here(config.data)).dump()},
                   {"progress", json_of(progress).dump()}});
  write_safetensors(file, entries, metadata);
}

std::map<std::string, std::string> to_metadata(const NetworkMetadata& facts) {
  std::map<std::string, std::string> metadata;
  if (!facts.config.empty()) metadata["config"] = facts.config;
  if (!facts.classes.empty()) metadata["classes"] = Json(facts.classes).dump();
  if (facts.preprocessing) metadata["preprocessing"] = json_of(*facts.preprocessing).dump();
  if (facts.data) metadata["data"] = json_of(*facts.data).dump();
  if (!facts.weights_of.empty()) metadata["weights_of"] = facts.weights_of;
  return metadata;
}

NetworkMetadata read_network_metadata(const std::string& file, const std::map<std::string, std::string>& entries) {
  const Metadata metadata(file, entries);
  NetworkMetadata facts;
  if (entries.contains("config")) facts.config = metadata.text("config");
  if (entries.contains("classes")) facts.classes = metadata.json<std::vector<std::string>>("classes");
  if (entries.contains("preprocessing")) facts.preprocessing = metadata.json<Preprocessing>("preprocessing");
  if (entries.contains("data")) facts.data = metadata.json<DataFingerprint>("data");
  if (entries.contains("weights_of")) facts.weights_of = metadata.text("weights_of");
  return facts;
}

CheckpointHead read_checkpoint_head(const std::filesystem::path& path) {
  return head_of(path.string(), read_safetensors_metadata(path));
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  SafetensorsFile file = read_safetensors(path);
  const Metadata metadata(path.string(), file.metadata);
  CheckpointHead head = head_of(path.string(), file.metadata);
  Checkpoint checkpoint;
  checkpoint.progress = head.progress;
  checkpoint.preprocessing = std::move(head.preprocessing);
  checkpoint.classes = std::move(head.classes);
  checkpoint.data = std::move(head.data);
  // What a file says is not the user's usage: an unreadable copy is a broken file.
  try {
    checkpoint.config = load_config_text(metadata.text("config"), path.string() + " (its config)", {}).config;
  } catch (const UsageError& e) {
    throw Error(e.what());
  }
  checkpoint.made_with = head.made_with.empty() ? made_by_old_programs(checkpoint.config.data) : head.made_with;
  const std::vector<TensorSection> sections = tensor_sections();
  for (const TensorSection& section : sections) checkpoint.tensors[section.name];
  for (NamedTensor& t : file.tensors) {
    const TensorSection& section = section_of(sections, t.name);
    t.name.erase(0, section.prefix.size());
    checkpoint.tensors[section.name].push_back(std::move(t));
  }
  return checkpoint;
}

}  // namespace ghost
