// The description of the whole configuration (core/options.h): an option that is added to a struct is added to its
// describe() and nowhere else.
#pragma once
#include "core/options.h"
#include "train/config/config.h"

namespace ghost {

void describe(ConvChoice& config, Description& description);
void describe(ModelConfig& config, Description& description);
void describe(DataConfig& config, Description& description);
void describe(OptimizerConfig& config, Description& description);
void describe(ScheduleConfig& config, Description& description);
void describe(TrainConfig& config, Description& description);
void describe(RunConfig& config, Description& description);
void describe(PretrainedConfig& config, Description& description);  // its options have full paths
// The whole configuration; the description points into `config`.
Description describe(Config& config);

}  // namespace ghost
