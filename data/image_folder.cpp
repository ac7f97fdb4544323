#include "data/image_folder.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/ranges.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <utility>

#include "core/rng.h"
#include "data/file.h"
#include "data/picture_size.h"
#include "data/sizing.h"
#include "data/splits.h"

namespace fs = std::filesystem;

namespace ghost {
namespace {

// The last ones cannot be decoded: left out silently, a folder of them would seem empty.
constexpr std::string_view kSuffixes[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png",  ".bmp",  ".dib",
                                          ".gif", ".webp", ".tif", ".tiff", ".avif", ".heic", ".jp2"};
constexpr std::string_view kNoClass[] = {"__MACOSX", "lost+found"};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool has_picture_suffix(const fs::path& file) {
  const std::string suffix = lower(file.extension().string());
  return std::find(std::begin(kSuffixes), std::end(kSuffixes), suffix) != std::end(kSuffixes);
}

// Class names go into checkpoints as JSON.
bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80                   ? 1
                          : lead >= 0xC2 && lead < 0xE0 ? 2
                          : lead >= 0xE0 && lead < 0xF0 ? 3
                          : lead >= 0xF0 && lead < 0xF5 ? 4
                                                        : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; k++) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      if (k == 1 && ((lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) || (lead == 0xF0 && next < 0x90) ||
                     (lead == 0xF4 && next > 0x8F)))
        return false;
    }
    i += length;
  }
  return true;
}

struct Entry {
  fs::path path;
  std::string name;
  bool folder;
};

// Visible entries, sorted by name.
std::vector<Entry> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<Entry> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.starts_with(".")) continue;
    std::error_code ignored;  // a dangling link, a loop of links: no folder
    entries.push_back({it->path(), std::move(name), it->is_directory(ignored)});
  }
  if (error) fail("{}: cannot be read: {}", folder.string(), error.message());
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

std::vector<Entry> class_folders(const fs::path& folder) {
  std::vector<Entry> classes = entries_of(folder);
  std::erase_if(classes, [](const Entry& e) {
    return !e.folder || std::find(std::begin(kNoClass), std::end(kNoClass), e.name) != std::end(kNoClass);
  });
  return classes;
}

// The picture files below a folder. Links to folders are followed, but not back to a folder that the way has come
// through.
class FolderWalk {
 public:
  explicit FolderWalk(std::vector<std::string>& files) : files_(files) {}
  void collect(const fs::path& folder, const std::string& prefix) {
    struct stat status {};
    if (stat(folder.c_str(), &status) != 0) return;
    const std::pair here{status.st_dev, status.st_ino};
    if (std::find(above_.begin(), above_.end(), here) != above_.end()) return;
    above_.push_back(here);
    for (const Entry& entry : entries_of(folder)) {
      const std::string below = prefix.empty() ? entry.name : prefix + "/" + entry.name;
      if (entry.folder)
        collect(entry.path, below);
      else if (has_picture_suffix(entry.path))
        files_.push_back(below);
    }
    above_.pop_back();
  }

 private:
  std::vector<std::string>& files_;  // prefix and path below the folder
  std::vector<std::pair<dev_t, ino_t>> above_;
};

class FolderDataset : public Dataset {
 public:
  FolderDataset(const fs::path& folder, bool allow_empty) : folder_(folder) {
    for (const Entry& entry : class_folders(folder)) {
      if (!is_utf8(entry.name)) fail("{}: the name of this class folder is not valid UTF-8", entry.path.string());
      const size_t before = files_.size();
      class_names_.push_back(entry.name);
      FolderWalk(files_).collect(entry.path, entry.name);
      labels_.resize(files_.size(), static_cast<int32_t>(class_names_.size()) - 1);
      if (files_.size() == before && !allow_empty)
        fail("{}: no pictures of this class (files named {}); add some or remove the folder", entry.path.string(),
             fmt::join(kSuffixes, ", "));
    }
    if (class_names_.empty()) fail("{}: no class folders with pictures", folder.string());
  }

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int64_t channels() const override { return 3; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int64_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  std::string name(int64_t index) const override { return path(index).string(); }
  Image read(int64_t index) const override { return read_image(path(index)); }
  std::optional<PictureSize> stored_size(int64_t index) const override { return declared_size(path(index)); }

 private:
  fs::path path(int64_t index) const { return folder_ / files_[static_cast<size_t>(index)]; }

  fs::path folder_;
  std::vector<std::string> files_;  // below folder_
  std::vector<int32_t> labels_;
  std::vector<std::string> class_names_;
};

// The sub-folder called one of `names`, in any case, if it holds folders (a class could have such a name too).
std::optional<Entry> find_part(const fs::path& root, std::initializer_list<std::string_view> names) {
  const std::vector<Entry> entries = entries_of(root);
  for (const std::string_view name : names)
    for (const Entry& entry : entries)
      if (entry.folder && lower(entry.name) == name && !class_folders(entry.path).empty()) return entry;
  return std::nullopt;
}

}  // namespace

std::vector<fs::path> picture_files(const fs::path& folder) {
  std::vector<std::string> below;
  FolderWalk(below).collect(folder, "");
  std::vector<fs::path> files;
  files.reserve(below.size());
  for (const std::string& name : below) files.push_back(folder / name);
  return files;
}

DatasetPtr read_image_folder(const fs::path& folder, bool allow_empty) {
  return std::make_shared<FolderDataset>(folder, allow_empty);
}

SplitIndices stratified_split(const Dataset& dataset, double share, uint64_t seed) {
  std::vector<std::vector<int64_t>> of_class(dataset.class_names().size());
  for (int64_t i = 0; i < dataset.size(); i++) of_class[static_cast<size_t>(dataset.label(i))].push_back(i);
  SplitIndices split;
  for (size_t c = 0; c < of_class.size(); c++) {
    const auto& all = of_class[c];
    const auto count = static_cast<int64_t>(all.size());
    auto wanted = static_cast<int64_t>(std::llround(share * static_cast<double>(count)));
    wanted = count < 2 ? 0 : std::clamp<int64_t>(wanted, 1, count - 1);
    const auto order = RandomStream(seed, "split/" + dataset.class_names()[c]).permutation(count);
    for (int64_t i = 0; i < count; i++)
      (i < wanted ? split.test : split.train).push_back(all[static_cast<size_t>(order[static_cast<size_t>(i)])]);
  }
  std::sort(split.train.begin(), split.train.end());
  std::sort(split.test.begin(), split.test.end());
  return split;
}

DataDefaults image_folder_defaults(const DataConfig& config) {
  constexpr int64_t kUsual = 224;
  return {.image_size = kUsual,
          .mean = {0.485, 0.456, 0.406},
          .std = {0.229, 0.224, 0.225},
          .assumed_resize = usual_resize(image_size_or(config, kUsual))};
}

DataSplits open_image_folder(const DataConfig& config, uint64_t seed) {
  if (config.root.empty())
    fail(
        "image_folder: data.root is not set; give the folder that holds train/<class>/ and val/<class>/, or one folder "
        "per class");
  const fs::path root = config.root;
  if (!folder_exists(root)) fail("image_folder: data.root {} is not a folder", config.root);
  const auto train_part = find_part(root, {"train"});
  const auto test_part = find_part(root, {"val", "valid", "validation", "test"});
  if (test_part && !train_part) fail("image_folder: {} holds {}, but no train", config.root, test_part->name);

  DatasetPtr train = read_image_folder(train_part ? train_part->path : root);
  // Before a split by the seed, so that all seeds prepare pictures in the same way.
  DataDefaults defaults = image_folder_defaults(config);
  SizeDecision sizes;
  if (config.resize == 0) sizes = resize_for_pictures(*train, image_size_or(config, defaults.image_size));
  defaults.resize = sizes.resize;
  DatasetPtr test;
  if (test_part) {
    test = read_image_folder(test_part->path, true);
    require_same_classes(train->class_names(), test->class_names(), train_part->name, test_part->name);
  } else {
    SplitIndices split = stratified_split(*train, config.test_share, seed);
    if (split.test.empty())
      fail("image_folder: no class in {} has two pictures, so none is left to test with", config.root);
    test = subset(train, std::move(split.test));
    train = subset(std::move(train), std::move(split.train));
  }
  DataSplits splits = resolve_splits(std::move(train), std::move(test), config, defaults, seed);
  splits.sizing_note = std::move(sizes.note);
  return splits;
}

}  // namespace ghost
