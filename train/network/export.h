// A network as a file for others, or for the programs here.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "train/network/network.h"

namespace ghost {

// Writes the weights alone, for PyTorch: with the names, the order and the axes of its state_dict, num_batches_tracked
// as I64. The metadata are "format": "pt", "ghost_version", and what is known of config, classes and preprocessing.
void export_weights(const std::filesystem::path& file, const Network& network);

// Writes a checkpoint that ghost-eval and ghost-predict take: the section of the model, and metadata that say that no
// step is done. Throws Error if network.classes or network.preprocessing are not known.
void export_checkpoint(const std::filesystem::path& file, const Network& network);

// Finds what the network does not say of itself. Its preprocessing comes from complete_preprocessing() (preparation.h).
// The names of its classes come from the data set of the configuration by position, which the notes say.
//   preprocessing  classes may stay unknown, which the notes say
//   everything     what export_checkpoint needs
// Throws Error, saying what would help, if nothing tells what is needed or (everything) there are not as many classes
// as outputs.
enum class Completeness { preprocessing, everything };
void complete_metadata(Network& network, Completeness needed);

}  // namespace ghost
