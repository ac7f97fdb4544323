#include "data/splits.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <iterator>
#include <utility>

#include "core/rng.h"

namespace ghost {
namespace {

class Subset : public Dataset {
 public:
  Subset(DatasetPtr whole, std::vector<int64_t> indices) : whole_(std::move(whole)), indices_(std::move(indices)) {}
  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  int64_t channels() const override { return whole_->channels(); }
  const std::vector<std::string>& class_names() const override { return whole_->class_names(); }
  int64_t label(int64_t index) const override { return whole_->label(at(index)); }
  std::string name(int64_t index) const override { return whole_->name(at(index)); }
  Image read(int64_t index) const override { return whole_->read(at(index)); }
  std::optional<PictureSize> stored_size(int64_t index) const override { return whole_->stored_size(at(index)); }

 private:
  int64_t at(int64_t index) const { return indices_[static_cast<size_t>(index)]; }
  DatasetPtr whole_;
  std::vector<int64_t> indices_;
};

DatasetPtr limited(DatasetPtr whole, int64_t limit, uint64_t seed, const char* purpose) {
  if (limit == 0 || limit >= whole->size()) return whole;
  std::vector<int64_t> chosen = RandomStream(seed, purpose).permutation(whole->size());
  chosen.resize(static_cast<size_t>(limit));
  std::sort(chosen.begin(), chosen.end());  // files of one folder stay together
  return subset(std::move(whole), std::move(chosen));
}

// The usual numbers of an RGB data set for its grey version, and of a grey one for RGB.
std::vector<double> for_channels(const std::vector<double>& values, int64_t channels) {
  if (static_cast<int64_t>(values.size()) == channels) return values;
  if (channels == 1) return {0.299 * values[0] + 0.587 * values[1] + 0.114 * values[2]};
  return {values[0], values[0], values[0]};
}

std::vector<double> chosen_statistics(const char* key, const std::vector<double>& set, const std::vector<double>& usual,
                                      int64_t channels) {
  if (set.empty()) return for_channels(usual, channels);
  if (static_cast<int64_t>(set.size()) != channels)
    fail_usage("data.{} has {} values ({}), but the images have {} channel{}; give one per channel or leave it out",
               key, set.size(), fmt::join(set, ", "), channels, channels == 1 ? "" : "s");
  return set;
}

}  // namespace

DatasetPtr subset(DatasetPtr whole, std::vector<int64_t> indices) {
  return std::make_shared<Subset>(std::move(whole), std::move(indices));
}

Preprocessing resolve_preprocessing(const DataConfig& config, const DataDefaults& usual, int64_t channels) {
  Preprocessing p;
  p.image_size = image_size_or(config, usual.image_size);
  p.channels = config.channels > 0 ? config.channels : channels;
  p.resize = config.resize > 0 ? config.resize : usual.resize;
  if (config.resize > 0 && config.resize < p.image_size)
    fail_usage(
        "data.resize is {}, but the crop data.image_size is {}; the nearest valid value is {}, or 0 for the usual",
        config.resize, p.image_size, p.image_size);
  p.mean = chosen_statistics("mean", config.mean, usual.mean, p.channels);
  p.std = chosen_statistics("std", config.std, usual.std, p.channels);
  const std::vector<double> mean = for_channels(usual.mean, p.channels), std = for_channels(usual.std, p.channels);
  if (mean != std && p.mean == std && p.std == mean)
    fail_usage("data.mean is [{}] and data.std [{}], but these are the usual ones of {} swapped",
               fmt::join(p.mean, ", "), fmt::join(p.std, ", "), config.name);
  return p;
}

void require_same_classes(const std::vector<std::string>& train, const std::vector<std::string>& test,
                          const std::string& train_name, const std::string& test_name) {
  if (train == test) return;
  const auto missing = [](const auto& from, const auto& in) {
    std::vector<std::string> names;
    std::set_difference(in.begin(), in.end(), from.begin(), from.end(), std::back_inserter(names));
    return names;
  };
  std::string sentence;
  const auto add = [&](const std::vector<std::string>& names, const std::string& has, const std::string& lacks) {
    if (names.empty()) return;
    if (!sentence.empty()) sentence += "; ";
    sentence += fmt::format("{} has {}, which {} lacks", has, fmt::join(names, ", "), lacks);
  };
  add(missing(test, train), train_name, test_name);
  add(missing(train, test), test_name, train_name);
  fail("the classes of train and test differ: {}", sentence);
}

DataSplits resolve_splits(DatasetPtr train, DatasetPtr test, const DataConfig& config, const DataDefaults& defaults,
                          uint64_t seed) {
  if (train->size() == 0) fail("{}: no training images", config.name);
  if (test->size() == 0) fail("{}: no test images", config.name);
  if (train->class_names() != test->class_names()) fail("{}: the classes of train and test differ", config.name);
  DataSplits splits{};
  prepare_as(splits, resolve_preprocessing(config, defaults, train->channels()));
  splits.train = limited(std::move(train), config.limit_train, seed, "limit_train");
  splits.test = limited(std::move(test), config.limit_test, seed, "limit_test");
  return splits;
}

}  // namespace ghost
