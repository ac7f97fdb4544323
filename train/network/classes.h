// Which output of a network is which class.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/network/network.h"

namespace ghost {

// The name of an output. Where `names` ends before it, or is empty because nobody knows the names: "class 207".
std::string name_of_class(const std::vector<std::string>& names, int64_t output);

// Reads the names of classes from a text, one a line, in the order of the outputs. A byte-order mark and carriage
// returns are taken off. Throws Error naming file and line: text that is not UTF-8, blank lines, a name that is there
// twice, no names at all.
std::vector<std::string> read_class_names(const std::filesystem::path& file);

// Names the classes of the network from such a file. Throws Error unless there are as many as outputs.
void name_classes(Network& network, const std::filesystem::path& file);

// "0 = 'bus', 1 = 'car'": output and class; of many classes the first and the last ones.
std::string classes_by_position(const std::vector<std::string>& classes);

// Where classes were sorted as text and others would have sorted them otherwise (timm: numbers by their value, case
// aside), a sentence that begins with `who` and says so: networks that were trained there have another order of
// outputs. Else empty. Of {"1", "10", "2"} it names output 1, "10" here and "2" there.
std::string other_order_warning(const std::string& who, const std::vector<std::string>& classes);

struct LabelMapping {
  std::vector<int64_t> output_of_label;      // empty: label and output are the same number
  bool by_name = true;                       // false: by position, because the network's classes have no names
  std::vector<std::string> notes, warnings;  // sentences for the user
};
// The output of the network that each label of a data set stands for. The data's classes may be some of the network's,
// in any order; they are found by name. Throws Error naming the classes of the data that the network does not know. If
// the names of the network's classes are not known, labels are outputs: there must be as many of both, and the notes
// say which is which.
LabelMapping outputs_of_labels(const Network& network, const std::string& data_name,
                               const std::vector<std::string>& data_classes);

}  // namespace ghost
