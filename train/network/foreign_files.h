// What a file is that was taken for one of weights.
#pragma once
#include <filesystem>
#include <string>

namespace ghost {

// What the file's first bytes show it to be, and what to do about it, as the end of a sentence: "this is an HTML page,
// …". Known are files of torch.save, HTML pages, git-lfs pointers, HDF5, gzip, GGUF and NumPy. Empty: nothing of these.
std::string what_it_is_instead(const std::filesystem::path& file);

}  // namespace ghost
