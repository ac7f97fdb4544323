// What a file of weights tells without a model.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "train/cli/terminal.h"
#include "train/network/pretrained.h"

namespace ghost::cli {

// Every entry with its shape, in PyTorch's axes, and the totals; state of an optimizer is summed up only.
std::string weights_text(const WeightsFile& weights, const Terminal& terminal);
nlohmann::ordered_json weights_json(const WeightsFile& weights);

}  // namespace ghost::cli
