#include "data/augment/augmentation.h"

namespace ghost {

namespace {

struct Line {
  const char *name, *summary;
  AugmentationPtr (*make)();
  enum { own_section, single_option, oldest } keys = own_section;
};

}  // namespace

// `struct …` declares the unit's type on the spot, in namespace ghost: its unit alone knows more of it.
constexpr Line kLines[] = {
    // geometry
    {"random_crop", "a window of the image with zeros or its mirror image around it",
     make_augmentation<struct RandomCrop>, Line::oldest},
    {"random_resized_crop", "a part of random area and aspect, resized", make_augmentation<struct RandomResizedCrop>,
     Line::oldest},
    // 8-bit pixels
    {"flip", "left to right, at random or in every other epoch", make_augmentation<struct Flip>, Line::oldest},
    {"color_jitter", "brightness, contrast and saturation, in random order", make_augmentation<struct ColorJitter>,
     Line::oldest},
    {"rand_augment", "some operations drawn from fourteen (Cubuk et al., 2020)", make_augmentation<struct RandAugment>},
    {"trivial_augment", "one operation of random strength (Müller and Hutter, 2021)",
     make_augmentation<struct TrivialAugment>, Line::single_option},
    // normalised values
    {"lighting", "moves all colours along the axes in which those of ImageNet vary", make_augmentation<struct Lighting>,
     Line::oldest},
    {"cutout", "a square of zeros (DeVries and Taylor, 2017)", make_augmentation<struct Cutout>, Line::single_option},
    {"random_erasing", "a rectangle filled with something else (Zhong et al., 2017)",
     make_augmentation<struct RandomErasing>},
    // batches
    {"mixup", "weighted means of two images and their labels (Zhang et al., 2018)", make_augmentation<struct Mixup>},
    {"cutmix", "a rectangle of another image and a share of its label (Yun et al., 2019)",
     make_augmentation<struct CutMix>},
};

const std::vector<AugmentationEntry>& augmentations() {
  static const std::vector<AugmentationEntry> table = [] {
    std::vector<AugmentationEntry> all;
    for (const Line& line : kLines) {
      const AugmentationPtr options = line.make();
      Description description;
      const bool plain_keys = line.keys != Line::own_section;
      if (plain_keys)
        options->describe(description);
      else
        description.section(line.name, line.summary, *options);
      all.push_back({line.name, line.summary, {}, line.make, plain_keys, line.keys == Line::oldest});
      for (const Field& field : description.fields()) all.back().options.push_back(field.path);
    }
    return all;
  }();
  return table;
}

}  // namespace ghost
