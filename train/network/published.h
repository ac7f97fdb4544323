// The models of timm and torchvision that are models here, under their names there.
#pragma once
#include <string>
#include <vector>

#include "train/config/config.h"

namespace ghost {

struct PublishedModel {
  std::string name;   // "torchvision/resnet18"
  std::string model;  // the section `model` of its configuration, as YAML: "{name: resnet, depth: 18}"
};
// Only models whose state dict has the same entries with the same shapes as the one that is built here.
const std::vector<PublishedModel>& published_models();

// The configuration of a published model for its weights: the network, and pictures as it was trained with (ImageNet's:
// shorter side 256, centre 224×224, ImageNet's mean and standard deviation). The weights tell the number of classes
// (`auto`). timm's tags may follow the name ("timm/resnet50.a1_in1k"); a note says that the tag is not looked at.
// Throws UsageError that names the nearest and lists all if there is no such model.
LoadedConfig published_config(const std::string& name, const std::vector<std::string>& overrides);
// The same without weights: for ImageNet's 1000 classes.
LoadedConfig published_config_alone(const std::string& name, std::vector<std::string> overrides);

}  // namespace ghost
