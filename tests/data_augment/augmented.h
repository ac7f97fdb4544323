// Pictures as training sees them.
#pragma once
#include "data/preprocess.h"
#include "support/picture_files.h"

namespace ghost::test {

// Normalised by mean 0 and deviation 1/255, so that values are pixels again. With resize 0 pictures stay as they are,
// but larger ones are shrunk to image_size.
DataSplits splits_of_pixels(int64_t image_size, int64_t channels, int64_t resize = 0);

// The normalised values, and the same as pixels.
std::vector<float> augmented_values(const Image& image, const DataSplits& splits, const AugmentConfig& augment,
                                    const SampleKey& key = {});
ByteVector augmented(const Image& image, const DataSplits& splits, const AugmentConfig& augment,
                     const SampleKey& key = {});

// What check_options() throws; empty: nothing.
std::string refusal(const AugmentConfig& augment);

}  // namespace ghost::test
