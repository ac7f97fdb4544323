#include "data/splits.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <iterator>
#include <utility>

#include "core/quoted.h"
#include "data/same_name.h"
#include "data/split_by_name.h"

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
  std::string id(int64_t index) const override { return whole_->id(at(index)); }
  Image read(int64_t index) const override { return whole_->read(at(index)); }
  std::optional<PictureSize> stored_size(int64_t index) const override { return whole_->stored_size(at(index)); }

 private:
  int64_t at(int64_t index) const { return indices_[static_cast<size_t>(index)]; }
  DatasetPtr whole_;
  std::vector<int64_t> indices_;
};

// What `limit_train` and its like leave. They are shares of all classes.
DatasetPtr limited(DatasetPtr whole, int64_t limit, uint64_t seed, const char* purpose) {
  if (limit == 0 || limit >= whole->size()) return whole;
  std::vector<int64_t> chosen = limited_choice(*whole, limit, seed, purpose);
  return subset(std::move(whole), std::move(chosen));
}

std::vector<std::string> classes_without_images(const Dataset& part) {
  std::vector<bool> has(part.class_names().size());
  for (int64_t i = 0; i < part.size(); i++) has[static_cast<size_t>(part.label(i))] = true;
  std::vector<std::string> names;
  for (size_t c = 0; c < has.size(); c++)
    if (!has[c]) names.push_back(part.class_names()[c]);
  return names;
}

// A class that is not trained or not tested shows in no number. `limit` is the option that may be why.
void tell_empty_classes(const Dataset& part, const char* called, const char* option, int64_t limit,
                        DataSplits& splits) {
  const std::vector<std::string> names = classes_without_images(part);
  if (names.empty()) return;
  const size_t count = names.size(), classes = part.class_names().size();
  const std::string sentence = message_of("{} of the {} classes {} no {} images: {}", count, classes,
                                          count == 1 ? "has" : "have", called, quoted_names(names, 10));
  if (limit > 0 && limit < static_cast<int64_t>(classes))
    splits.warnings.push_back(message_of("{} is {}: {}", option, limit, sentence));
  else
    splits.notes.push_back(sentence);
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

void require_parts(const DataSplits& splits, const DataConfig& config, DataUse use) {
  if (splits.train ? splits.train->size() == 0 : use == DataUse::training) fail("{}: no training images", config.name);
  if (splits.validation && splits.validation->size() == 0) fail("{}: no validation images", config.name);
  if (!splits.test || splits.test->size() == 0) fail("{}: no test images", config.name);
  for (const auto& [name, part] : {std::pair{"training", splits.train}, {"validation", splits.validation}})
    if (part && part->class_names() != splits.test->class_names())
      fail("{}: the classes of the {} images and of the test images differ", config.name, name);
  if (use == DataUse::training && splits.class_names().size() == 1)
    fail("{}: there is one class only, {}, and nothing to tell it from", config.name,
         quoted(splits.class_names().front()));
}

void cut_validation(DataSplits& splits, const DataConfig& config, uint64_t seed) {
  if (splits.validation) {
    splits.notes.push_back(message_of("data.validation_share is not used: {} holds the validation images",
                                      splits.validation_from.empty() ? config.name : splits.validation_from));
    return;
  }
  if (!splits.train) return;
  NameSplit split = split_by_name(*splits.train, config.validation_share, seed, "validation_share");
  if (split.chosen.empty() || split.rest.empty())
    fail("{}: data.validation_share {} of the {} training images leaves none to {}; set another share or seed",
         config.name, config.validation_share, splits.train->size(),
         split.chosen.empty() ? "validate with" : "train with");
  splits.validation_from = splits.train_from;
  splits.validation = subset(splits.train, std::move(split.chosen));
  splits.train = subset(std::move(splits.train), std::move(split.rest));
}

}  // namespace

void test_with_validation(DataSplits& parts) {
  parts.test = std::exchange(parts.validation, nullptr);
  parts.test_from = std::exchange(parts.validation_from, "");
  parts.test_is_validation = parts.test != nullptr;
}

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
    sentence += message_of("{} has {}, which {} lacks", has, fmt::join(names, ", "), lacks);
  };
  add(missing(test, train), train_name, test_name);
  add(missing(train, test), test_name, train_name);
  for (const std::string& pair : names_that_look_the_same(train, test)) sentence += "; " + pair;
  fail("the classes of {} and {} differ: {}", train_name, test_name, sentence);
}

DataSplits resolve_splits(DataSplits splits, const DataConfig& config, const DataDefaults& defaults, uint64_t seed,
                          DataUse use) {
  require_parts(splits, config, use);
  if (config.validation_share > 0) cut_validation(splits, config, seed);
  const Dataset& any = splits.train ? *splits.train : *splits.test;
  prepare_as(splits, resolve_preprocessing(config, defaults, any.channels()));
  // Runs with different seeds are tested on the same images.
  constexpr uint64_t kEverySeed = 0;
  if (splits.train) splits.train = limited(std::move(splits.train), config.limit_train, seed, "limit_train");
  if (splits.validation)
    splits.validation = limited(std::move(splits.validation), config.limit_test, kEverySeed, "limit_test");
  splits.test = limited(std::move(splits.test), config.limit_test, kEverySeed, "limit_test");
  if (splits.train) tell_empty_classes(*splits.train, "training", "data.limit_train", config.limit_train, splits);
  if (splits.validation)
    tell_empty_classes(*splits.validation, "validation", "data.limit_test", config.limit_test, splits);
  tell_empty_classes(*splits.test, "test", "data.limit_test", config.limit_test, splits);
  return splits;
}

}  // namespace ghost
