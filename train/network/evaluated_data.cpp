#include "train/network/evaluated_data.h"

#include <algorithm>
#include <filesystem>
#include <fmt/ranges.h>

#include "core/nearest.h"
#include "data/file.h"
#include "train/network/preparation.h"

namespace ghost {
namespace {

bool same_place(const std::string& a, const std::string& b) {
  if (a == b) return true;
  std::error_code ignored;
  return std::filesystem::equivalent(with_home(a), with_home(b), ignored);
}

// Whether the images are asked for as those of the run that trained the network.
bool of_own_run(const Network& network) {
  return network.run && network.run->data.name == network.config.data.name &&
         same_place(network.run->data.root, network.config.data.root);
}

bool same_tested(const DataFingerprint& a, const DataFingerprint& b) { return a.train == b.train && a.test == b.test; }

DataSplits open_images(const Network& network, bool own, bool share_given, std::vector<std::string>& warnings) {
  const DataConfig& config = network.config.data;
  if (own || share_given) return open_data_for(network, DataUse::testing);
  if (network.data && network.data->by_name()) {
    try {
      DataSplits data = open_data_for(network, DataUse::testing);
      // With the same names it is the folder of the run, elsewhere.
      if (!data.by_name || same_tested(*network.data, fingerprint_of(data))) return data;
    } catch (const Error&) {
      // too small a folder to keep a part of it
    }
    warnings.push_back(
        message_of("the network was trained on a part of one folder of classes. If {} is that folder, moved and "
                   "changed, most of these images are those it was trained on: test the others alone with --set "
                   "data.test_share={}",
                   config.root, config.test_share));
  }
  return open_data_for(network, DataUse::testing_all);
}

// Of the network's own run: what has changed. A limit that is set anew chooses other images on purpose.
void compare_with_run(const Network& network, const DataSplits& data, std::vector<std::string>& warnings) {
  const DataConfig &was = network.run->data, &is = network.config.data;
  const bool limited = was.limit_train > 0 || was.limit_test > 0;
  if (!network.data) {
    if (data.by_name || limited)
      warnings.emplace_back(
          "the checkpoint is of an older version, which chose images in another way: images it was trained on may be "
          "among these");
    return;
  }
  if (was.test_share != is.test_share || was.validation_share != is.validation_share) {
    warnings.emplace_back(
        "another share of the images is asked for than the run kept back: images it was trained on may be among these");
    return;
  }
  DataFingerprint now = fingerprint_of(data);
  if (was.limit_train != is.limit_train) now.train = {};
  if (was.limit_test != is.limit_test) now.validation = now.test = {};
  if (const std::vector<std::string> changed = changes(*network.data, now); !changed.empty())
    warnings.push_back(
        message_of("the images of the run have changed since it wrote this: {}", fmt::join(changed, ", ")));
}

}  // namespace

EvaluatedData open_evaluated_data(const Network& network, const std::string& split, bool share_given) {
  EvaluatedData evaluated;
  const bool own = of_own_run(network);
  evaluated.data = open_images(network, own, share_given, evaluated.warnings);
  const DataSplits& data = evaluated.data;
  evaluated.notes = data.notes;
  evaluated.warnings.insert(evaluated.warnings.begin(), data.warnings.begin(), data.warnings.end());
  if (own) compare_with_run(network, data, evaluated.warnings);

  std::vector<std::string> there;
  for (const auto& [name, part] : {std::pair{"train", data.train}, {"val", data.validation}, {"test", data.test}}) {
    if (!part) continue;
    there.emplace_back(name);
    if (split == "all" || split == name) evaluated.parts.emplace_back(name, part);
  }
  if (split == "val" && data.test_is_validation) evaluated.parts.emplace_back("val", data.test);
  if (evaluated.parts.empty())
    fail_usage("--split {}: {} has no such part{}; there is {}", split, network.config.data.name,
               data.test_from.empty() ? "" : " (its test images are those in " + data.test_from + ")", any_of(there));
  return evaluated;
}

std::vector<std::string> folders_of_parts(const EvaluatedData& evaluated) {
  const DataSplits& data = evaluated.data;
  std::vector<std::string> folders;
  for (const auto& [name, part] : evaluated.parts) {
    const std::string& from = name == "train"                             ? data.train_from
                              : name == "val" && !data.test_is_validation ? data.validation_from
                                                                          : data.test_from;
    if (!from.empty() && (folders.empty() || folders.back() != from)) folders.push_back(from);
  }
  return folders;
}

std::string names_of_parts(const EvaluatedData& evaluated) {
  std::string text;
  for (size_t i = 0; i < evaluated.parts.size(); i++) {
    const std::string& part = evaluated.parts[i].first;
    if (i > 0) text += i + 1 == evaluated.parts.size() ? " and " : ", ";
    text += part == "train" ? "training" : part == "val" ? "validation" : "test";
  }
  return text;
}

}  // namespace ghost
