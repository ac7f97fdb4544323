// The size of a picture from the head of its file, for deciding from many files at once.
#pragma once
#include <filesystem>
#include <optional>

#include "data/framing.h"

namespace ghost {

// What a JPEG, PNG or BMP file declares; nothing if it is none of these, cannot be read, or ends before it says its
// size. Whether the rest of the file is whole is not looked at.
std::optional<PictureSize> declared_size(const std::filesystem::path& file);

}  // namespace ghost
