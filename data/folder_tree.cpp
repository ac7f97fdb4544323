#include "data/folder_tree.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <deque>
#include <dirent.h>
#include <fmt/ranges.h>
#include <memory>
#include <numeric>
#include <set>
#include <string_view>
#include <sys/stat.h>

#include "core/error.h"

namespace fs = std::filesystem;

namespace ghost {
namespace {

// The last ones cannot be decoded.
constexpr std::array<std::string_view, 14> kSuffixes{".jpg", ".jpeg", ".jpe", ".jfif", ".png",  ".bmp",  ".dib",
                                                     ".gif", ".webp", ".tif", ".tiff", ".avif", ".heic", ".jp2"};

// In lower case. Those of Synology, QNAP, macOS, Windows, Python and Linux; hidden ones need no mention.
constexpr std::array<std::string_view, 12> kJunk{
    "@eadir",       "#recycle", "#snapshot", "@recycle",   "@recently-snapshot",        "__macosx",
    "$recycle.bin", "recycler", "recycled",  "lost+found", "system volume information", "__pycache__"};

bool is_junk(const std::string& name) {
  return name.starts_with('.') || std::find(kJunk.begin(), kJunk.end(), lower(name)) != kJunk.end();
}

struct CloseFolder {
  void operator()(DIR* d) const { closedir(d); }
};

FileId number_in(const struct stat& status) { return {status.st_dev, status.st_ino}; }

// Entries in the order of the file system, until `visit` returns false.
template <class Visit>
void each_entry(const fs::path& folder, const Visit& visit) {
  const std::unique_ptr<DIR, CloseFolder> open(opendir(folder.c_str()));
  struct stat here {};
  if (!open || fstat(dirfd(open.get()), &here) != 0)
    fail("{}: cannot be read: {}", folder.string(), std::strerror(errno));
  // Most systems tell the number of a file with its name. Where they do not (overlays), each file is asked.
  bool asked = false, told = true;
  for (;;) {
    errno = 0;
    const dirent* const found = readdir(open.get());
    if (!found) break;
    FolderEntry entry{.path = {}, .name = found->d_name, .id = {}};
    if (is_junk(entry.name)) continue;
    entry.path = folder / entry.name;
    entry.link = found->d_type == DT_LNK;
    entry.folder = found->d_type == DT_DIR;
    entry.id = {here.st_dev, found->d_ino};
    struct stat status {};
    if (found->d_type == DT_UNKNOWN) entry.link = lstat(entry.path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
    if (entry.link || entry.folder || found->d_type == DT_UNKNOWN || !told || !asked) {
      const bool there = stat(entry.path.c_str(), &status) == 0;
      const FileId id = there ? number_in(status) : FileId{};
      if (!entry.link && !entry.folder && there) told = told && id == entry.id, asked = true;
      entry.folder = there && S_ISDIR(status.st_mode);
      entry.id = id;
    }
    if (!visit(std::move(entry))) return;
  }
  if (errno != 0) fail("{}: cannot be read: {}", folder.string(), std::strerror(errno));
}

// The folders around this one: those its name goes through, and those around what its links lead to.
std::set<FileId> folders_around(const fs::path& folder) {
  std::set<FileId> around;
  std::error_code ignored;
  for (fs::path path : {fs::absolute(folder, ignored).lexically_normal(), fs::canonical(folder, ignored)}) {
    if (!path.has_filename()) path = path.parent_path();
    while (path.has_relative_path()) {
      path = path.parent_path();
      around.insert(id_of(path));
    }
  }
  around.erase(FileId{});
  return around;
}

// In the order in which a walk meets them that takes entries by the bytes of their names.
bool walked_before(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto rank = [](char c) { return c == '/' ? 0 : int{static_cast<unsigned char>(c)}; };
    return rank(x) < rank(y);
  });
}

class FolderWalk {
 public:
  explicit FolderWalk(const fs::path& folder) : folder_(folder) {}

  PictureTree run() {
    visit(folder_, "");
    if (links_.empty()) return std::move(tree_);
    const std::set<FileId> around = folders_around(folder_);
    while (!links_.empty()) {  // after all that lies here itself, so that its own path is the one that counts
      const auto [below, id] = links_.front();
      links_.pop_front();
      if (around.contains(id))
        tree_.loops.push_back(below);
      else
        visit(folder_ / below, below);
    }
    sort();
    return std::move(tree_);
  }

 private:
  void visit(const fs::path& folder, const std::string& prefix) {
    if (!seen_.insert(id_of(folder)).second) return;
    for (const FolderEntry& entry : entries_of(folder)) {
      std::string below = prefix.empty() ? entry.name : prefix + "/" + entry.name;
      if (entry.folder && entry.link) {
        links_.emplace_back(std::move(below), entry.id);
      } else if (entry.folder) {
        visit(entry.path, below);
      } else if (has_picture_suffix(entry.path)) {
        tree_.files.push_back(std::move(below));
        tree_.ids.push_back(entry.id);
      }
    }
  }

  void sort() {
    std::vector<size_t> order(tree_.files.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return walked_before(tree_.files[a], tree_.files[b]); });
    PictureTree sorted{.files = {}, .ids = {}, .loops = std::move(tree_.loops)};
    for (const size_t i : order) {
      sorted.files.push_back(std::move(tree_.files[i]));
      sorted.ids.push_back(tree_.ids[i]);
    }
    tree_ = std::move(sorted);
  }

  const fs::path folder_;
  PictureTree tree_;
  std::set<FileId> seen_;
  std::deque<std::pair<std::string, FileId>> links_;  // to folders
};

bool holds_pictures(const fs::path& folder, std::set<FileId>& seen) {
  if (!seen.insert(id_of(folder)).second) return false;
  std::vector<fs::path> folders;
  bool found = false;
  try {
    each_entry(folder, [&](const FolderEntry& entry) {
      if (entry.folder) folders.push_back(entry.path);
      found = !entry.folder && has_picture_suffix(entry.path);
      return !found;
    });
  } catch (const Error&) {
    return false;
  }
  return found || std::any_of(folders.begin(), folders.end(),
                              [&](const fs::path& below) { return holds_pictures(below, seen); });
}

}  // namespace

std::vector<FolderEntry> entries_of(const fs::path& folder) {
  std::vector<FolderEntry> entries;
  each_entry(folder, [&](FolderEntry entry) {
    entries.push_back(std::move(entry));
    return true;
  });
  std::sort(entries.begin(), entries.end(), [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; });
  return entries;
}

bool has_picture_suffix(const fs::path& file) {
  const std::string suffix = lower(file.extension().string());
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

const std::string& picture_suffixes() {
  static const std::string all = fmt::format("{}", fmt::join(kSuffixes, ", "));
  return all;
}

PictureTree pictures_below(const fs::path& folder) { return FolderWalk(folder).run(); }

bool holds_pictures(const fs::path& folder) {
  std::set<FileId> seen;
  return holds_pictures(folder, seen);
}

FileId id_of(const fs::path& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? number_in(status) : FileId{};
}

}  // namespace ghost
