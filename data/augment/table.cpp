#include "data/augment/augmentation.h"

namespace ghost {

namespace {

struct Line {
  const char *name, *summary;
  AugmentationPtr (*make)();
  bool shared = false;  // AugmentationEntry::shared: no new one is
};

}  // namespace

// `struct …` declares the unit's type on the spot, in namespace ghost: its unit alone knows more of it.
constexpr Line kLines[] = {
    // geometry
    {"random_crop", "a window of the image with zeros around it", make_augmentation<struct RandomCrop>, true},
    {"random_resized_crop", "a part of random area and aspect, resized", make_augmentation<struct RandomResizedCrop>,
     true},
    // 8-bit pixels
    {"flip", "left to right, half of the time", make_augmentation<struct Flip>, true},
    {"color_jitter", "brightness, contrast and saturation, in random order", make_augmentation<struct ColorJitter>,
     true},
    // normalised values
    {"lighting", "moves all colours along the axes in which those of ImageNet vary", make_augmentation<struct Lighting>,
     true},
};

const std::vector<AugmentationEntry>& augmentations() {
  static const std::vector<AugmentationEntry> table = [] {
    std::vector<AugmentationEntry> all;
    for (const Line& line : kLines) {
      const AugmentationPtr options = line.make();
      Description description;
      if (line.shared)
        options->describe(description);
      else
        description.section(line.name, line.summary, *options);
      all.push_back({line.name, line.summary, {}, line.make, line.shared});
      for (const Field& field : description.fields()) all.back().options.push_back(field.path);
    }
    return all;
  }();
  return table;
}

}  // namespace ghost
