// How pictures are prepared for a network that is taken up again: as its file says. The rules are the same for all
// programs:
//   - Mean and deviation belong to the weights. A configuration or --set that names others is refused.
//   - The size may be changed, to test a network on larger pictures than it was trained with: data.image_size and
//     data.resize of the configuration count, and a note says so. With another image_size alone, `resize` keeps its
//     proportion to it, also where the run's own configuration set it.
//   - If the file does not say, the configuration decides as for training (decide_preprocessing).
#pragma once
#include "train/network/network.h"
#include "train/network/pretrained.h"

namespace ghost {

// For load_network(): brings network.preprocessing, which the file has told, and network.config.data together. Throws
// UsageError as above.
void follow_preprocessing(Network& network);

// Decides network.preprocessing if the file does not say it. Throws Error, naming the file, if nothing tells.
void complete_preprocessing(Network& network);

// The data of network.config, prepared for the network. The seed is that of a checkpoint's run, whatever run.seed says
// now: what was kept from training by it stays apart.
DataSplits open_data_for(const Network& network, DataUse use);

// What the user of pretrained weights should know before training goes on with pictures that are prepared otherwise
// than those of the file: a sentence each on the normalisation (more than rounding) and on the size. Empty: nothing.
struct OtherPreparation {
  std::string normalisation, size;
};
OtherPreparation other_preparation(const WeightsFile& file, const Preprocessing& now);

}  // namespace ghost
