// Which images ghost-eval tests a network on.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "train/network/network.h"

namespace ghost {

struct EvaluatedData {
  DataSplits data;
  std::vector<std::pair<std::string, DatasetPtr>> parts;  // those asked for: "train", "val", "test"
  std::vector<std::string> notes, warnings;               // sentences for the user
};

// `split` is train, val, test or all. The images are those of network.config.data. One folder of classes is tested as a
// whole, unless it is the one that the network was trained on with its test part kept back, by its place or by the
// names in it, or `share_given` (data.test_share): then that part is. Images of the network's own run that have changed
// since are a warning. Throws UsageError if there is no such part, naming those that there are.
EvaluatedData open_evaluated_data(const Network& network, const std::string& split, bool share_given);

// The folders that the parts lie in; none for files of a data set's own.
std::vector<std::string> folders_of_parts(const EvaluatedData& evaluated);

// "training, validation and test": what the parts are called in text.
std::string names_of_parts(const EvaluatedData& evaluated);

}  // namespace ghost
