// How pictures are prepared for a network. It is decided once, before training, and kept with the weights; every
// program that takes the network up prepares pictures in this way.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/framing.h"
#include "data/registry.h"

namespace ghost {

struct Preprocessing {
  int64_t image_size = 0, resize = 0;  // in pixels, at least 1; as size and resize of a FramingTarget
  int64_t channels = 0;                // 1: grey, 3: RGB; grey is converted to RGB and back
  std::vector<double> mean, std;       // of values in 0..1, one per channel
  bool enlarge = true;                 // as in a FramingTarget
  bool operator==(const Preprocessing&) const = default;
  FramingTarget framing() const { return {.size = image_size, .resize = resize, .enlarge = enlarge}; }
};

Preprocessing preprocessing_of(const DataSplits& splits);
DataSplits splits_of(const Preprocessing& preprocessing);  // without images

// The pictures of `splits` are prepared as `preprocessing` says from now on.
void prepare_as(DataSplits& splits, const Preprocessing& preprocessing);

// open_data() for a network whose preprocessing is known: what the configuration says of sizes, channels and
// normalisation, and what the data set would have by itself, does not count.
DataSplits open_data(DataConfig config, uint64_t seed, const Preprocessing& preprocessing,
                     DataUse use = DataUse::training);

// What open_data() would decide. The data set is opened only where its files tell (the sizes of an image folder's
// pictures, of IDX images); if an image folder cannot be opened, it is taken for one of photos. Throws Error if nothing
// tells, saying which options would.
Preprocessing decide_preprocessing(const DataConfig& config, uint64_t seed);

// "shorter side to 256, centre 224×224, RGB, mean 0.485 0.456 0.406, std 0.229 0.224 0.225"
std::string described(const Preprocessing& preprocessing);
std::string described_size(const Preprocessing& preprocessing);        // the part before the channels
std::string described_statistics(const Preprocessing& preprocessing);  // "mean … , std …"

}  // namespace ghost
