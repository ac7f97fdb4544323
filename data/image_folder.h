// Pictures in a folder for each class.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/splits.h"

namespace ghost {

// All picture files below `folder`, as paths that begin with it, each folder in byte order. Hidden files and folders
// are left out; a picture is told by its suffix, in any case, also where its format cannot be decoded (so that it is
// missed and not overlooked). Links to folders are followed. Throws Error naming the folder that cannot be read.
std::vector<std::filesystem::path> picture_files(const std::filesystem::path& folder);

// The classes are the sub-folders of `folder` in byte order, samples all picture_files below them. A dangling
// link or a file without permission is a sample that cannot be read. Throws Error naming the folder: not readable, no
// classes, class names that are not UTF-8, and — unless `allow_empty` — a class without pictures. Grey pictures count
// as RGB.
DatasetPtr read_image_folder(const std::filesystem::path& folder, bool allow_empty = false);

// Indices of the samples in `dataset`: `share` of each class, rounded, at least one and at most all but one of a class
// with two or more, chosen by seed and class name. {train, test}, both ascending.
struct SplitIndices {
  std::vector<int64_t> train, test;
};
SplitIndices stratified_split(const Dataset& dataset, double share, uint64_t seed);

// ImageNet's: what folders are used with, 224 pixels of pictures resized to 256. The pictures tell whether they are
// resized at all (resize_for_pictures).
DataDefaults image_folder_defaults(const DataConfig& config);

// root/train/<class>/… with root/val, valid, validation or test/<class>/… (the first of these that is there), or one of
// these without the other folders: root/<class>/…, split by data.test_share.
DataSplits open_image_folder(const DataConfig& config, uint64_t seed);

}  // namespace ghost
