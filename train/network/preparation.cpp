#include "train/network/preparation.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>

namespace ghost {
namespace {

void refuse_other_statistics(const std::string& file, const DataConfig& data, const Preprocessing& trained) {
  const auto refuse = [&](const char* key, const std::vector<double>& set, const std::vector<double>& own) {
    if (set.empty() || set == own) return;
    fail_usage(
        "data.{} is [{}], but {} was trained with [{}]: the weights mean nothing with others; leave data.mean and "
        "data.std out",
        key, fmt::join(set, ", "), file, fmt::join(own, ", "));
  };
  refuse("mean", data.mean, trained.mean);
  refuse("std", data.std, trained.std);
}

Preprocessing with_sizes(const Preprocessing& trained, const DataConfig& data) {
  Preprocessing p = trained;
  if (data.image_size > 0) p.image_size = data.image_size;
  if (p.image_size != trained.image_size)
    p.resize = std::max<int64_t>(std::llround(static_cast<double>(trained.resize) * static_cast<double>(p.image_size) /
                                              static_cast<double>(trained.image_size)),
                                 1);
  if (data.resize == 0 || (data.resize == trained.resize && p.image_size != trained.image_size)) return p;
  p.resize = data.resize, p.enlarge = true;
  if (p.resize < p.image_size)
    fail_usage("data.resize is {}, but must be at least data.image_size, {}", p.resize, p.image_size);
  return p;
}

// A quarter of a level of 8 bits: what rounding in a configuration makes is not worth a word.
bool close(const std::vector<double>& a, const std::vector<double>& b) {
  constexpr double kNoticed = 1e-3;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return std::abs(x - y) < kNoticed; });
}

}  // namespace

void follow_preprocessing(Network& network) {
  DataConfig& data = network.config.data;
  const Preprocessing trained = *network.preprocessing;
  refuse_other_statistics(network.file, data, trained);
  const Preprocessing now = with_sizes(trained, data);
  if (now != trained)
    network.notes.push_back(message_of("{}: was trained with: {}; as data.image_size and data.resize say, it is: {}",
                                       network.file, described_size(trained), described_size(now)));
  network.preprocessing = now;
  data.image_size = now.image_size;
  data.mean = now.mean, data.std = now.std;
}

void complete_preprocessing(Network& network) {
  if (network.preprocessing) return;
  try {
    network.preprocessing = decide_preprocessing(network.config.data, network.config.run.seed);
  } catch (const UsageError&) {
    throw;
  } catch (const Error& e) {
    fail("{}: {}", network.file, e.what());
  }
}

DataSplits open_data_for(const Network& network, DataUse use) {
  const DataConfig& data = network.config.data;
  const uint64_t seed = network.run ? network.run->run.seed : network.config.run.seed;
  return network.preprocessing ? open_data(data, seed, *network.preprocessing, use) : open_data(data, seed, use);
}

OtherPreparation other_preparation(const WeightsFile& file, const Preprocessing& now) {
  const std::optional<Preprocessing> trained = read_network_metadata(file.name, file.metadata).preprocessing;
  OtherPreparation other;
  if (!trained) return other;
  if (!close(trained->mean, now.mean) || !close(trained->std, now.std))
    other.normalisation = message_of(
        "{}: was trained with {}, but now pictures are normalised with {}, which its layers do not know; "
        "data.mean=[{}] and data.std=[{}] would normalise them as before",
        file.name, described_statistics(*trained), described_statistics(now), fmt::join(trained->mean, ", "),
        fmt::join(trained->std, ", "));
  if (trained->image_size != now.image_size)
    other.size = message_of("{}: was trained on pictures of {}×{}, and now they are {}×{}", file.name,
                            trained->image_size, trained->image_size, now.image_size, now.image_size);
  return other;
}

}  // namespace ghost
