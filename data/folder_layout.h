// Which sub-folder of data.root is what: told by names and by what lies in them.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/registry.h"

namespace ghost {

// Either parts, each a folder with a folder for each class, or one such folder alone.
struct FolderLayout {
  std::optional<std::filesystem::path> train = {}, validation = {}, test = {};
  std::optional<std::filesystem::path> classes = {};   // the root itself, a folder for each class
  std::vector<std::string> notes = {}, warnings = {};  // what was taken for what, and what is not used
};

// In any case: train, training; val, valid, validation, validate, dev, eval; test, testing. A sub-folder of such a name
// is a part if it holds class folders with pictures, and a class if it stands among classes and holds pictures itself.
// Throws Error naming the folders where nothing is clear: two folders for one part, a part without class folders (what
// its pictures show is then not known), classes beside parts, a root that is one level too high, and for training no
// training pictures or a single class.
FolderLayout find_layout(const std::filesystem::path& root, DataUse use);

}  // namespace ghost
