// What a file of weights tells without a model.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "train/cli/terminal.h"
#include "train/network/pretrained.h"

namespace ghost::cli {

// Every entry of the network with its shape, in PyTorch's axes, and the totals; what a checkpoint holds besides is
// summed up by section only.
std::string weights_text(const WeightsFile& weights, const Terminal& terminal);
nlohmann::ordered_json weights_json(const WeightsFile& weights);

}  // namespace ghost::cli
