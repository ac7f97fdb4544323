// Walking folders of pictures: what is looked at, and what is passed over.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ghost {

// One file or folder, however many names and links lead to it. inode 0: it is not known, as of a dangling link.
struct FileId {
  uint64_t device = 0, inode = 0;
  bool known() const { return inode != 0; }
  bool operator==(const FileId&) const = default;
  bool operator<(const FileId& other) const {
    return device != other.device ? device < other.device : inode < other.inode;
  }
};

struct FolderEntry {
  std::filesystem::path path;
  std::string name;
  bool folder = false, link = false;  // folder: also if it is reached by a link
  FileId id;                          // of what a link leads to
};

// Entries of `folder` in the order of their bytes. Hidden ones are left out, and so are folders that systems and tools
// leave behind, in any case: @eaDir, __MACOSX, $RECYCLE.BIN, __pycache__, lost+found and their kin. Throws Error
// naming the folder that cannot be read.
std::vector<FolderEntry> entries_of(const std::filesystem::path& folder);

// Told by the suffix, in any case, also where the format cannot be decoded: left out, a folder of such files would
// seem empty.
bool has_picture_suffix(const std::filesystem::path& file);
const std::string& picture_suffixes();  // ".jpg, .jpeg, …", for messages

// The pictures below a folder.
struct PictureTree {
  std::vector<std::string> files;  // paths below the folder, in the order of their bytes, folder by folder
  std::vector<FileId> ids;         // of each
  std::vector<std::string> loops;  // links that were not followed: they lead to a folder around the one walked
};
// Links to folders are followed, but each folder counts once, and a link to a folder around `folder` is none of its
// pictures. Throws Error naming the folder that cannot be read.
PictureTree pictures_below(const std::filesystem::path& folder);

// Whether there is a picture anywhere below; looks no further than the first. A folder that cannot be read holds none.
bool holds_pictures(const std::filesystem::path& folder);

FileId id_of(const std::filesystem::path& path);  // of what a link leads to

}  // namespace ghost
