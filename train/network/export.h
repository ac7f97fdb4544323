// A network as a file for others, or for the programs here.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "train/network/network.h"

namespace ghost {

// Weights alone, for PyTorch: state_dict's names, order and axes (the header lists them so; num_batches_tracked as
// I64), no optimizer state; metadata "format": "pt", "ghost_version" and what is known of config, classes and
// preprocessing.
void export_weights(const std::filesystem::path& file, const Network& network);

// A checkpoint that ghost-eval and ghost-predict take: the weights, and everything of checkpoint.h with no step done
// and no optimizer state. Throws Error if network.classes or network.preprocessing are not known.
void export_checkpoint(const std::filesystem::path& file, const Network& network);

// Finds what export_checkpoint needs and the network does not say. Preprocessing, if the classes are known: from the
// data section (for an image folder with ImageNet's numbers where it is silent). Else both from the data set of the
// configuration, whose files must be there. Throws Error, saying what would help, if nothing tells them or there are
// not as many classes as outputs.
void complete_metadata(Network& network);

// Names, one a line; empty lines are passed over. Throws Error naming the file.
std::vector<std::string> read_class_names(const std::filesystem::path& file);

}  // namespace ghost
