// A folder with a folder of pictures for each class.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/folder_tree.h"

namespace ghost {

struct ClassFolders {
  std::filesystem::path folder;
  std::vector<std::string> classes;  // names of its sub-folders, in the order of their bytes
  std::vector<FileId> class_ids;     // of these sub-folders
  std::vector<std::string> files;    // pictures below `folder`, class by class
  std::vector<FileId> ids;           // of each
  std::vector<int32_t> labels;       // of each
  std::vector<std::string> loops;    // links below `folder` that were not followed (PictureTree)
  int64_t outside = 0;               // pictures in `folder` itself, which have no class
};
using ClassFoldersPtr = std::shared_ptr<const ClassFolders>;

// A dangling link or a file without permission is a picture that cannot be read later. Throws Error naming the folder:
// not readable, no classes, class names that are not UTF-8, and — unless `allow_empty` — a class without pictures.
ClassFoldersPtr read_class_folders(const std::filesystem::path& folder, bool allow_empty = false);

// Its pictures as a data set. Grey pictures count as RGB. The id of a picture is its path below the folder.
DatasetPtr dataset_of(ClassFoldersPtr folders);
inline DatasetPtr read_image_folder(const std::filesystem::path& folder, bool allow_empty = false) {
  return dataset_of(read_class_folders(folder, allow_empty));
}

// ---- What a user would not expect, a sentence each.

// Of the folder itself: links that were not followed, classes that are one folder, files in two classes, names that
// look the same, pictures outside of the class folders.
std::vector<std::string> oddities(const ClassFolders& folders);

// Pictures that training has seen: files of `tested` at `tested_indices` that are, under whatever name, files of
// `trained` at `trained_indices`. Empty indices stand for all. Empty if there are none. `part` is what the tested
// pictures are called: "test".
std::string trained_on(const ClassFolders& trained, const std::vector<int64_t>& trained_indices,
                       const ClassFolders& tested, const std::vector<int64_t>& tested_indices, const std::string& part);

}  // namespace ghost
