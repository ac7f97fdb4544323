#pragma once
#include <string>

namespace ghost::cli {

// Everything a configuration can choose from, with one line each: models, convolutions, data sets,
// augmentations, optimizers, schedules.
std::string choices();

}  // namespace ghost::cli
