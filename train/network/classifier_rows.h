// The classifier of a file of weights in a model for other classes.
#pragma once
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "nn/module.h"

namespace ghost {

struct ClassifierFit {
  size_t anew = 0;                           // of its entries, how many have none of the file's values
  std::string starts_anew = {};              // "fc starts", "the row of 'bus' in fc starts": what is not the file's
  std::vector<std::string> notes, warnings;  // sentences for the user, each beginning with the file
};

// Makes the classifier in `entries` (nn/classifier.h; PyTorch's axes) one for the classes of the model, if nothing but
// the number of rows differs; `ours` are the model's own values. Classes are told apart by name:
//   both know their classes       the rows of the classes that both have are taken over by name, the others start anew
//   the file does not know them   as many rows: taken over by position, which is said; else all start anew
// `file_classes` and `our_classes` are in the order of the outputs, and may be shorter or empty: not known.
ClassifierFit fit_classifier(Module& model, const std::vector<NamedTensor>& ours, std::vector<NamedTensor>& entries,
                             const std::string& file, const std::vector<std::string>& file_classes,
                             const std::vector<std::string>& our_classes);

}  // namespace ghost
