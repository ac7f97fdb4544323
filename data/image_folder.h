// Pictures in a folder for each class.
#pragma once
#include "data/splits.h"

namespace ghost {

// ImageNet's: what folders are used with, 224 pixels of pictures resized to 256. The pictures tell whether they are
// resized at all (resize_for_pictures).
DataDefaults image_folder_defaults(const DataConfig& config);

// The parts that find_layout sees in data.root. Without a part to test with, pictures are kept for it by their names:
// data.test_share of those of the training part, or of the one folder of classes (unless all of that is tested).
DataSplits open_image_folder(const DataConfig& config, uint64_t seed, DataUse use);

}  // namespace ghost
