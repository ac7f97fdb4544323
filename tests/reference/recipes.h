// From the names and arguments that PyTorch's users write to this project's configuration.
#pragma once
#include "nn/models/registry.h"
#include "reference/args.h"
#include "train/config/config.h"

namespace ghost::reference {

// torch.optim's SGD, Adam, AdamW, RMSprop with their defaults, and RMSpropTF as timm has it.
OptimizerConfig optimizer_config(const std::string& pytorch_name, const Args& args);

// Throws Error if there is no such model.
ModelConfig model_config(const std::string& class_name, const Args& args);
// The same of the published networks: the class without regard to where it is from, and whose parameter names it has,
// "timm" or "torchvision".
ModelConfig family_config(const std::string& class_name, const std::string& naming, const Args& args);

}  // namespace ghost::reference
