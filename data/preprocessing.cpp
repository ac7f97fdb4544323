#include "data/preprocessing.h"

#include <fmt/ranges.h>
#include <optional>
#include <utility>

#include "data/splits.h"

namespace ghost {
namespace {

// What is known without the files.
std::optional<Preprocessing> without_files(const DataConfig& config, bool assume) {
  const DatasetEntry& entry = *find_dataset(config.name);
  DataDefaults usual = entry.usual(config);
  if (assume && usual.resize == 0) usual.resize = usual.assumed_resize;
  if (image_size_or(config, usual.image_size) == 0 || (config.resize == 0 && usual.resize == 0)) return {};
  const int64_t own = entry.info.channels > 0 ? entry.info.channels : assume ? std::ssize(usual.mean) : 0;
  if (config.channels == 0 && own == 0) return {};
  return resolve_preprocessing(config, usual, own);
}

}  // namespace

Preprocessing preprocessing_of(const DataSplits& s) {
  return {.image_size = s.image_size,
          .resize = s.resize,
          .channels = s.channels,
          .mean = s.mean,
          .std = s.std,
          .enlarge = s.enlarge};
}

void prepare_as(DataSplits& splits, const Preprocessing& p) {
  splits.image_size = p.image_size, splits.resize = p.resize, splits.enlarge = p.enlarge;
  splits.channels = p.channels, splits.mean = p.mean, splits.std = p.std;
  splits.sizing_note.clear();
}

DataSplits splits_of(const Preprocessing& p) {
  DataSplits splits{};
  prepare_as(splits, p);
  return splits;
}

DataSplits open_data(DataConfig config, uint64_t seed, const Preprocessing& p, DataUse use) {
  // With a resize of its own a folder is not asked for the sizes of its pictures.
  config.image_size = config.resize = p.image_size;
  config.channels = p.channels;
  config.mean.clear(), config.std.clear();
  DataSplits splits = open_data(config, seed, use);
  prepare_as(splits, p);
  return splits;
}

Preprocessing decide_preprocessing(const DataConfig& config, uint64_t seed) {
  check_options(config, "data");
  if (const auto known = without_files(config, false)) return *known;
  try {
    return preprocessing_of(open_data(config, seed, DataUse::testing_all));
  } catch (const UsageError&) {
    throw;
  } catch (const Error& e) {
    if (const auto assumed = without_files(config, true)) return *assumed;
    fail(
        "how images are prepared is not known, and the data set cannot be asked ({}); set data.image_size and "
        "data.resize",
        e.what());
  }
}

std::string described_size(const Preprocessing& p) {
  const std::string shorter = fmt::format("shorter side to {}{}", p.resize, p.enlarge ? "" : " where it is longer");
  const bool padded = p.resize < p.image_size || !p.enlarge;
  return fmt::format("{}, centre {}×{}{}", shorter, p.image_size, p.image_size,
                     padded ? " with zeros around smaller pictures" : "");
}

std::string described_statistics(const Preprocessing& p) {
  return fmt::format("mean {}, std {}", fmt::join(p.mean, " "), fmt::join(p.std, " "));
}

std::string described(const Preprocessing& p) {
  return fmt::format("{}, {}, {}", described_size(p), p.channels == 1 ? "grey" : "RGB", described_statistics(p));
}

}  // namespace ghost
